"""Every setting and its only default.

The command line, the estimators, ``config.toml`` and the documentation are generated from these
classes. A setting is frozen once made, checked when made, and an unknown name is an error that
offers the nearest known one. ``auto`` is resolved from the data before training; the answer, not
the question, is written to the run's ``config.toml``.
"""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from seqloom.errors import SettingsError, nearest
from seqloom.task_settings import TASK_DEFAULTS

TaskKind = Literal[
    "auto",
    "generate",
    "classify",
    "tag",
    "translate",
    "forecast",
    "transcribe",
    "compose",
    "caption",
]
RecordKind = Literal["auto", "continuous", "line", "paragraph", "file", "row"]
TokenizerKind = Literal["auto", "char", "word", "jamo", "morpheme", "bpe", "kmer", "space"]
PoolingKind = Literal["last", "mean", "max", "attention"]
EncoderKind = Literal[
    "elman",
    "jordan",
    "output-to-output",
    "lstm",
    "gru",
    "mingru",
    "basic-attention",
    "self-attention",
    "transformer",
    "segment",
]
DecoderKind = Literal["auto", "elman", "lstm", "gru", "transformer"]
BackboneKind = Literal[
    "small", "resnet18", "resnet34", "resnet50", "mobilenet_v3_small", "efficientnet_b0"
]
AttentionKind = Literal["none", "additive", "dot", "general"]


class Section(BaseModel):
    """A group of settings that belong together; one table of ``config.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DataSettings(Section):
    """Where the text stands in the data, and how it is split."""

    text: str | None = None
    """Column that holds the text, or a template such as "Recipe for {title} | {directions}"."""
    records: RecordKind = "auto"
    """What one record is; continuous reads everything as one text."""
    encoding: str = "auto"
    """Encoding of text files, such as utf-8, cp949 or cp1252."""
    valid: str | None = None
    """File with the validation records; replaces the split."""
    test: str | None = None
    """File with the test records, scored once after training."""
    split: str = "0.9/0.1"
    """Shares of train/validation or train/validation/test."""
    label: str | None = None
    """Column that holds the label, or the labels, to classify by."""
    label_separator: str = ""
    """What stands between the labels of a row that has several; lists need none."""
    series: str | None = None
    """Column that holds numbers: a list a row, or a number a row beside --id and --time."""
    id: str | None = None
    """Column that says which series, or which sentence, a row belongs to."""
    time: str | None = None
    """Column that orders the rows of a series."""
    tokens: str | None = None
    """Column that holds tokens to tag."""
    tags: str | None = None
    """Column that holds the tags of the tokens; in CoNLL-U, the field (upos, xpos, deprel)."""
    source: str | None = None
    """Column that holds the text to translate from."""
    target: str | None = None
    """Column that holds its translation; or a file with the translation of each line."""
    image: str | None = None
    """Column that names the pictures to caption."""
    caption: str | None = None
    """Column that holds the captions: a text or a list of texts a row."""
    images: str | None = None
    """Folder that the names of pictures are relative to; the table's own when not given."""
    image_size: int = Field(default=96, ge=16, le=1024)
    """Pixels of a side that every picture is scaled to."""
    framing: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture becomes a square: cut out the middle, fill up with grey, or stretch."""
    value: tuple[str, ...] = ()
    """Columns of numbers to forecast; several are the channels of one series."""
    past: tuple[str, ...] = ()
    """Columns of numbers beside them that are known until now only, such as the weather."""
    known: tuple[str, ...] = ()
    """Columns of numbers beside them that are known for the future too, such as holidays."""
    static: tuple[str, ...] = ()
    """Columns that say something of a series as a whole, such as its region."""
    gaps: Literal["error", "fill", "interpolate"] = "error"
    """What to do with steps without a value: stop, carry the last one on, or draw a line."""
    frequency: str | None = None
    """How far apart the steps are, such as hourly, 15 minutes, business days, monthly or rows."""
    horizon: int = Field(default=0, ge=0)
    """Steps to forecast; 0 takes a season, which follows from the frequency."""
    look_back: int = Field(default=0, ge=0)
    """Steps that a forecast looks back on; 0 takes some seasons, as far as the data reach."""
    log: bool | None = None
    """Learn log(1 + x), below 0 x; by default where changes grow with values, all 0 or more."""
    difference: Literal["auto", "none", "step", "season"] = "auto"
    """Learn changes since the step or the season before; auto: the season of short series."""
    music: Literal["auto", "events", "roll"] = "auto"
    """What a piece of music becomes: events with instruments and times, or frames of 88 keys."""
    grid: int = Field(default=0, ge=0, le=96)
    """Steps of a quarter note that times are rounded to; 0 takes what suits the files."""
    velocities: int = Field(default=8, ge=1, le=127)
    """Levels of loudness that notes are rounded to."""
    transpose: int = Field(default=5, ge=0, le=24)
    """Semitones up and down by which pieces are moved at random, anew in each epoch."""
    audio: str | None = None
    """Column that holds the file of a recording, seen from where the table lies."""
    transcript: str | None = None
    """Column that holds what is said in it."""
    speaker: str | None = None
    """Column that says whose voice it is."""
    name: str | None = None
    """How files are named, in place of a table, such as "{text}_{speaker}_{take}"."""
    split_by: Literal["record", "speaker"] = "record"
    """What is split: records at random, or speakers, none of whom is then heard in two parts."""
    leave_out: tuple[str, ...] = ()
    """Speakers who are heard in the test part alone."""
    join: str = ""
    """Put so many recordings of a speaker behind each other, at random, such as 1-7."""
    longest_seconds: float = Field(default=30.0, gt=0)
    """Longer recordings are left out of training, and counted."""
    drop: tuple[str, ...] = ()
    """Field values that count as missing, such as Unknown; rows that need them are dropped."""
    skip_bad_rows: bool = False
    """Drop rows that cannot be read (counted and reported) instead of stopping at the first."""
    skip_bad_series: bool = False
    """Leave out series without any value (counted and named) instead of stopping at the first."""


class AudioSettings(Section):
    """How sound becomes the steps of a network, and how it is varied in training."""

    sample_rate: int = Field(default=0, ge=0)
    """Samples a second that recordings are brought to; 0 takes the usual rate, 16,000 at most."""
    window_seconds: float = Field(default=0.025, gt=0)
    """Seconds that a frame looks at."""
    hop_seconds: float = Field(default=0.01, gt=0)
    """Seconds from one frame to the next."""
    bands: int = Field(default=40, ge=4)
    """Bands of pitch in a frame, evenly spread as ears hear it (mel)."""
    lowest_hz: float = Field(default=60.0, ge=0)
    """Lowest pitch that is heard."""
    highest_hz: float = Field(default=0.0, ge=0)
    """Highest pitch that is heard; 0 takes half the sample rate."""
    stack: int = Field(default=0, ge=0)
    """Frames read as one step; 0 takes 3 (7 with --front bands), or 0.25 s to read one way."""
    stride: int = Field(default=0, ge=0)
    """Frames from one step to the next; 0 takes 3, or as many as a step has if those are fewer."""
    standardise: Literal["auto", "train", "utterance"] = "auto"
    """Level by the training part or by the recording itself; auto: train where it reads one way."""
    tempo: float = Field(default=0.15, ge=0, lt=0.5)
    """In training a recording is read up to this share faster or slower; its pitch stays."""
    vocal_tract: float = Field(default=0.15, ge=0, le=1)
    """In training pitches are moved up to so many octaves, as if the speaker were larger."""
    gain_db: float = Field(default=6.0, ge=0)
    """In training a recording is up to so many decibels louder or quieter."""
    noise: float = Field(default=0.02, ge=0, lt=1)
    """In training noise is added, up to this share of the recording's loudest sample."""
    colour: float = Field(default=0.4, ge=0)
    """In training bands are raised and lowered smoothly, as by another microphone."""
    mask_bands: int = Field(default=8, ge=0)
    """In training two stripes of up to so many bands are hidden (SpecAugment)."""
    mask_seconds: float = Field(default=0.15, ge=0)
    """In training two stretches of up to so many seconds are hidden (SpecAugment)."""

    @model_validator(mode="after")
    def _every_frame_is_heard(self) -> Self:
        if self.stack and self.stride > self.stack:
            raise ValueError(
                f"stride {self.stride} leaves frames out between steps of {self.stack}"
            )
        if self.highest_hz and self.highest_hz <= self.lowest_hz:
            raise ValueError(f"highest_hz {self.highest_hz:g} is not above lowest_hz")
        return self


class TextSettings(Section):
    """How text is cut into tokens."""

    tokenizer: TokenizerKind = "auto"
    """What a token is."""
    target_tokenizer: TokenizerKind = "auto"
    """What a token of the translation is; auto takes what suits it."""
    lowercase: bool = False
    """Turn the text to lower case first."""
    strip_punctuation: bool = False
    """Remove punctuation first."""
    min_frequency: int = Field(default=1, ge=1)
    """Tokens seen fewer times in the training part become unknown."""
    max_vocabulary: int = Field(default=10_000, ge=5)
    """Tokens in the vocabulary at most, the most frequent kept; characters are never cut by it."""
    max_length: int = Field(default=1_000, ge=2)
    """Tokens of a record at most; longer records are cut and counted."""
    kmer: int = Field(default=3, ge=1)
    """Characters in a token of the kmer tokenizer; each next token begins one character later."""
    window: int = Field(default=0, ge=0)
    """Learn from sliding windows of this many tokens to the next one; 0 learns from whole texts."""


class ModelSettings(Section):
    """The network."""

    encoder: EncoderKind = "lstm"
    """How steps come together: a recurrence, a kind of attention, or, to forecast, segments."""
    num_heads: int = Field(default=4, ge=1)
    """Heads of self-attention and transformer; they share the units of a layer evenly."""
    attention_window: int = Field(default=256, ge=1)
    """Steps that attention sees when it generates text: itself and those before."""
    decoder: DecoderKind = "auto"
    """What writes a translation; auto takes the encoder's kind where it can write, else lstm."""
    attention: AttentionKind = "general"
    """How a recurrent decoder weighs the steps of the source when it writes a token."""
    shared_embeddings: bool = False
    """One vocabulary and one embedding table for both languages."""
    embedding: Literal["learned", "one-hot"] = "learned"
    """How an id becomes a vector: a learned row of a table, or a one at the id's place."""
    embedding_size: int = Field(default=128, ge=1)
    """Numbers in a learned embedding."""
    hidden_size: int = Field(default=0, ge=0)
    """Units in a layer and direction; 0 takes what suits the task and the budget."""
    num_layers: int = Field(default=0, ge=0)
    """Layers, one above the other; 0 takes one, and of a transformer what suits the task."""
    bidirectional: bool = False
    """Read each sequence from both ends."""
    front: Literal["linear", "bands"] = "linear"
    """What reads a step of sound: one matrix, or convolutions over its bands, as voices differ."""
    pooling: str = "mean+max+last"
    """How the steps become one vector: last, mean, max, attention, or several joined by +."""
    wide: bool = True
    """Join a linear model to the network: of n-grams, or of the values looked back on."""
    crf: bool = True
    """Score whole sequences of tags (conditional random field) rather than each tag alone."""
    character_size: int = Field(default=64, ge=0)
    """Units a direction of the layer that reads a word's characters; 0 reads words only."""
    embedding_dropout: float = Field(default=0.1, ge=0, lt=1)
    """Share of embedding numbers set to zero, the same at every step of a sequence (locked)."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of a layer's outputs set to zero, the same at every step of a sequence (locked)."""
    weight_drop: float = Field(default=0.0, ge=0, lt=1)
    """Share of hidden-to-hidden weights set to zero, the same at every step of a sequence."""
    tie_embeddings: bool = False
    """Use the embedding table as the output table too."""
    forget_bias: float = 1.0
    """Bias of the LSTM's forget gate at the start; 1.0 keeps early memory."""
    backbone: BackboneKind = "small"
    """What looks at a picture: a small network from scratch, or one of torchvision, trained."""
    backbone_weights: str | None = None
    """File with the weights of a backbone of torchvision: .safetensors."""
    channels: int = Field(default=32, ge=4)
    """Channels of the small network's first convolution; deeper ones have up to four times more."""
    segment: int = Field(default=0, ge=0)
    """Steps that the encoder segment reads as one; 0 takes what divides horizon and look-back."""
    head: Literal["direct", "step"] = "direct"
    """Forecast all steps at once, or one by one, each read before the next."""
    normalise: Literal["auto", "none", "last", "standard"] = "auto"
    """What windows are freed of first; auto: the last value, of changes since a season nothing."""
    notes: Literal["auto", "independent", "joint"] = "auto"
    """Notes of a frame of a piano roll: each by itself, or each given those below it (NADE)."""
    note_size: int = Field(default=128, ge=1)
    """Units that pass from note to note within a frame where these are joint."""
    levels: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    """Quantiles to forecast: 0.5, and others in pairs such as 0.05 and 0.95."""

    @model_validator(mode="after")
    def _poolings_exist(self) -> Self:
        for name in self.pooling.split("+"):
            if name not in get_args(PoolingKind):
                known = ", ".join(get_args(PoolingKind))
                raise ValueError(f'pooling has no "{name}": expected {known}, or several with +')
        return self

    @model_validator(mode="after")
    def _tied_table_exists(self) -> Self:
        if self.tie_embeddings and self.embedding == "one-hot":
            raise ValueError("tie_embeddings shares a learned table, and one-hot has none")
        return self


class TrainSettings(Section):
    """How long and how training goes."""

    minutes: float | None = Field(default=None, gt=0)
    """Budget in minutes; the learning rate anneals to the end of it. 3 when no budget is given."""
    epochs: float | None = Field(default=None, gt=0)
    """Budget in passes over the training part."""
    updates: int | None = Field(default=None, gt=0)
    """Budget in updates of the weights."""
    batch_size: int = Field(default=32, ge=1)
    """Sequences in a batch."""
    sequence_length: int = Field(default=64, ge=1)
    """Steps a gradient reaches back in a continuous text; the state is carried further."""
    optimizer: Literal["muon", "adamw", "adam", "sgd"] = "muon"
    """How gradients become updates."""
    learning_rate: float = Field(default=6e-3, gt=0)
    """Largest step size, reached after warm-up."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Pull of weight matrices towards zero at each update."""
    warmup: float = Field(default=0.02, ge=0, lt=1)
    """Share of the budget in which the learning rate rises from zero."""
    schedule: Literal["cosine", "linear", "constant"] = "linear"
    """How the learning rate falls after warm-up."""
    clip_norm: float = Field(default=1.0, ge=0)
    """Longest gradient, over all weights together; 0 never shortens it."""
    loss: Literal["quantile", "mse", "mae"] = "quantile"
    """What a forecast costs: by its quantiles, or the squared or absolute error of one value."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target's probability that is spread over all labels, or over all tokens."""
    shift: float = Field(default=0.1, ge=0, le=0.5)
    """Share of its side that a picture is moved at most, at random, each time it is learnt from."""
    flip: bool = False
    """Mirror half of the pictures learnt from; wrong where captions say left and right."""
    teacher_forcing: float = Field(default=1.0, ge=0, le=1)
    """Share of true tokens that a decoder is fed at the end; it falls evenly from 1."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weight of each label in the loss; balanced makes rare ones count as much as frequent ones."""
    from_run: str | None = None
    """Run whose embedding and encoder the training starts from."""
    unlabelled: str | None = None
    """Text without labels that a language model learns first, to start from."""
    pretrain: float | None = Field(default=None, ge=0, lt=1)
    """Share of the budget for learning to predict the text first; by default what pays."""
    unfreezing: float = Field(default=0.0, ge=0)
    """Epochs after which layers that were trained before join in, one more after each such span."""
    rate_decay: float = Field(default=1.0, gt=0, le=1)
    """Learning rate of a layer trained before, as a share of that of the layer above it."""
    dropout_ramp: float = Field(default=3.0, ge=0)
    """Epochs, after the first, over which dropout rises to its share; 0 drops fully at once."""
    averaging: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the running average of the weights that is kept as the model; 0 keeps the last."""
    report_every: int = Field(default=0, ge=0)
    """Updates between reports; 0 reports after each epoch, and each fifth of a long budget."""
    patience: int = Field(default=5, ge=0)
    """Reports without a better validation loss before training stops; 0 never stops early."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Numbers in matrix products; auto takes bfloat16 where the processor multiplies it."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model is trained; auto takes a GPU when there is one."""
    threads: int = Field(default=0, ge=0)
    """Processor threads; 0 takes one a core."""
    seed: int = Field(default=0, ge=0)
    """Seed of the split, the first weights, the order of the data and dropout."""
    checkpoint_seconds: float = Field(default=60.0, ge=0)
    """Seconds between checkpoints."""
    sample_prompt: str | None = None
    """Start of the texts shown after an epoch; the validation part's first words when not given."""
    sample_length: int = Field(default=100, ge=1)
    """Tokens of each text shown after an epoch."""
    tensorboard: bool = False
    """Write the history for TensorBoard too (extra tensorboard)."""


class GenerateSettings(Section):
    """How a text is written, token by token."""

    temperature: float = Field(default=0.8, ge=0)
    """0 takes the likeliest token always, 1 follows the model, more is bolder."""
    top_k: int = Field(default=0, ge=0)
    """Choose among this many likeliest tokens; 0 among all."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Choose among the likeliest tokens that together hold this share of probability."""
    min_p: float = Field(default=0.0, ge=0, lt=1)
    """Drop tokens less likely than this share of the likeliest one's probability."""
    repetition_penalty: float = Field(default=1.0, ge=1)
    """Divide the score of tokens that stand in the text already; 1 leaves them alone."""
    length: int = Field(default=200, ge=1)
    """Tokens to write at most; a record may end earlier."""
    samples: int = Field(default=1, ge=1)
    """Texts to write."""
    seed: int = Field(default=0, ge=0)
    """Seed of the choices."""


class ComposeSettings(Section):
    """How music is written."""

    temperature: float = Field(default=0.9, ge=0)
    """0 takes the likeliest event always, 1 follows the model, more is bolder."""
    top_k: int = Field(default=0, ge=0)
    """Choose among this many likeliest events; 0 among all."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Choose among the likeliest events that together hold this share of probability."""
    bars: int = Field(default=0, ge=0, le=1_000)
    """Bars to write, beside those of the prompt; 0 writes on until the piece ends, 64 at most."""
    prompt_bars: int = Field(default=0, ge=0)
    """Bars of the prompt that are read; 0 reads all."""
    key: str | None = None
    """Key that all notes are kept in, such as C, F#, Bb, Am or "D minor"."""
    instruments: tuple[str, ...] = ()
    """Instruments that may play, as programme numbers such as 0 or 40, or drums; 0.2 a second 0."""
    tempo: float = Field(default=0.0, ge=0, le=400)
    """Quarter notes a minute; 0 takes the prompt's, or what the model writes, or 120."""
    seed: int = Field(default=0, ge=0)
    """Seed of the choices."""


class PredictSettings(Section):
    """How predictions are given."""

    format: Literal["auto", "csv", "jsonl", "text", "parquet"] = "auto"
    """Rows of a table, JSON lines, or bare lines of text; auto takes what suits data and --out."""
    horizon: int = Field(default=0, ge=0)
    """Steps to forecast; 0 takes those of the training, and beyond them medians are read back."""
    plot: str | None = None
    """Picture to draw: of a forecast, a recording and what is heard, or where a caption looked."""
    abstain_below: float = Field(default=0.0, ge=0, le=1)
    """Give no label where none is at least so probable."""
    text: str | None = None
    """Column or template that is the text, where it is not that of the training data."""
    encoding: str = "auto"
    """Encoding of the file, such as utf-8, cp949 or cp1252; auto finds it."""
    skip_bad_rows: bool = False
    """Leave out rows that cannot be read (counted, reported) instead of stopping at the first."""
    beam: int = Field(default=5, ge=1)
    """Translations or transcripts followed side by side; 1 takes the likeliest token always."""
    n_best: int = Field(default=1, ge=1)
    """Translations given of each text, the best first."""
    length_penalty: float = Field(default=1.0, ge=0, le=10)
    """How much long translations are made up for their length; 1 compares nats a token."""
    coverage_penalty: float = Field(default=0.0, ge=0)
    """How much a translation loses for source tokens that it paid no attention to."""
    temperature: float = Field(default=0.0, ge=0)
    """Above 0 a translation is drawn at random rather than searched for; 1 follows the model."""
    seed: int = Field(default=0, ge=0)
    """Seed of the drawing."""
    lm: str | None = None
    """Language model of transcripts: a run of generate, none, or by default characters' n-grams."""
    lm_weight: float | None = Field(default=None, ge=0)
    """How much it weighs beside what is heard; by default what validation chose."""
    copy_unknown: bool = True
    """Write the source word with most attention where the model writes an unknown word."""
    gaps: Literal["auto", "error", "fill", "interpolate"] = "auto"
    """What to do with steps without a value before the forecast; auto does as in training."""

    def reading(self) -> dict[str, Any]:
        """How files are read, as settings of the data."""
        return {"encoding": self.encoding, "skip_bad_rows": self.skip_bad_rows}


class Settings(Section):
    """All settings of a training run, as they stand in ``config.toml``."""

    data: DataSettings = DataSettings()
    audio: AudioSettings = AudioSettings()
    text: TextSettings = TextSettings()
    model: ModelSettings = ModelSettings()
    train: TrainSettings = TrainSettings()


def default_settings(task: str) -> Settings:
    """The settings of a task when nothing is asked for."""
    return override(Settings(), TASK_DEFAULTS[task], task)


def flag_of(name: str) -> str:
    """What a setting is called on the command line, without the dashes.

    >>> flag_of("from_run"), flag_of("batch_size")
    ('from', 'batch-size')
    """
    return "from" if name == "from_run" else name.replace("_", "-")


def section_of(name: str) -> str:
    """Name of the section that holds a setting.

    Raises:
        SettingsError: no section has it; the nearest known name is offered.
    """
    for section, field in Settings.model_fields.items():
        if name in _fields(field.annotation):
            return section
    known = [key for field in Settings.model_fields.values() for key in _fields(field.annotation)]
    raise SettingsError(f'Unknown setting "{name}". {nearest(name, known)}')


def _fields(section: Any) -> list[str]:
    return list(section.model_fields)


def settings_from(values: dict[str, dict[str, Any]], where: str) -> Settings:
    """Settings from nested plain values; ``where`` opens the message when one is wrong.

    >>> settings_from({"model": {"hidden_size": 64}}, "example").model.hidden_size
    64
    """
    for section, keys in values.items():
        if section not in Settings.model_fields:
            offer = nearest(section, Settings.model_fields)
            raise SettingsError(f'{where}: unknown section "{section}". {offer}')
        for key in keys:
            known = _fields(Settings.model_fields[section].annotation)
            if key not in known:
                offer = nearest(key, known)
                raise SettingsError(f'{where}: unknown setting "{section}.{key}". {offer}')
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"{where}: {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """A validation error as one line: the setting, what was received, what is expected."""
    first = error.errors(include_url=False)[0]
    expected = first["msg"].removeprefix("Value error, ")
    expected = expected[0].lower() + expected[1:]
    name = ".".join(str(part) for part in first["loc"])
    if isinstance(first["input"], dict | Section):  # two settings that do not go together
        return f"{name}: {expected}."
    return f"{name} = {first['input']!r}: {expected}."


def override(settings: Settings, changes: dict[str, dict[str, Any]], where: str) -> Settings:
    """Settings with some values replaced, checked again."""
    values = settings.model_dump()
    for section, keys in changes.items():
        values.setdefault(section, {}).update(keys)
    return settings_from(values, where)
