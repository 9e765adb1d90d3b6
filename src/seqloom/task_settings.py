"""What each task makes of the settings: defaults of its own, and those it has no use for."""

from __future__ import annotations

from typing import Any

TASK_DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "generate": {},
    "classify": {
        "text": {"max_vocabulary": 16_000, "max_length": 4_000},
        "model": {"bidirectional": True, "embedding_dropout": 0.3},
        "train": {"sequence_length": 128, "dropout_ramp": 0.0},
    },
    "tag": {
        "text": {"tokenizer": "word"},
        "model": {"bidirectional": True, "embedding_dropout": 0.33},
        "train": {"batch_size": 8, "dropout_ramp": 0.0},
    },
    "translate": {
        "text": {"max_length": 200},
        "model": {
            "bidirectional": True,
            "embedding_size": 256,
            "embedding_dropout": 0.2,
            "dropout": 0.4,
        },
        "train": {"sequence_length": 32, "batch_size": 128, "label_smoothing": 0.1},
    },
    "caption": {
        "data": {"split": "0.8/0.1/0.1"},
        "text": {"max_length": 100},
        "model": {"embedding_dropout": 0.2, "dropout": 0.4},
        "train": {"batch_size": 32, "label_smoothing": 0.1, "weight_decay": 0.1},
    },
    "forecast": {
        "data": {"split": "0.7/0.1/0.2"},
        "model": {"dropout": 0.1},
        "train": {
            "batch_size": 64,
            "optimizer": "adamw",
            "learning_rate": 2e-3,
            "dropout_ramp": 0.0,
            "teacher_forcing": 0.0,
        },
    },
    "compose": {
        "data": {"split": "0.8/0.1/0.1"},
        "train": {"batch_size": 16, "sequence_length": 128, "dropout_ramp": 0.0},
    },
    "transcribe": {
        "data": {"split": "0.8/0.1/0.1"},
        "model": {"bidirectional": True, "embedding_dropout": 0.1, "dropout": 0.3},
        "train": {"learning_rate": 3e-3, "weight_decay": 0.05, "dropout_ramp": 0.0},
    },
}
"""Where a task starts from other values than those above."""

_TEXT_ONLY = {"text.window", "train.sample_prompt", "train.sample_length", "model.attention_window"}
_LABELS = {"data.label", "data.label_separator", "data.series"}
_POOLED = {"model.pooling", "model.wide", "train.class_weights"}
_STARTED = {"train.from_run", "train.unlabelled", "train.pretrain"}
_LAYERED = {"train.unfreezing", "train.rate_decay"}
_TAGS = {"data.tokens", "data.tags", "model.crf", "model.character_size"}
_CUT = {"text.tokenizer", "text.kmer", "text.strip_punctuation", "text.max_length", "data.records"}
_PAIRS = {
    *("data.source", "data.target", "text.target_tokenizer", "model.decoder", "model.attention"),
    *("model.shared_embeddings", "train.teacher_forcing"),
}
_FORECAST = {
    *("data.value", "data.past", "data.known", "data.static", "data.gaps", "data.frequency"),
    *("data.horizon", "data.look_back", "data.log", "data.difference"),
    "data.skip_bad_series",
    *("model.segment", "model.head", "model.normalise", "model.levels", "train.loss"),
}
_PICTURES = {
    *("data.image", "data.caption", "data.images", "data.image_size", "data.framing"),
    *("model.backbone", "model.backbone_weights", "model.channels", "train.shift", "train.flip"),
}
_TEXT = {
    *("text.tokenizer", "text.lowercase", "text.strip_punctuation", "text.min_frequency"),
    *("text.max_vocabulary", "text.max_length", "text.kmer", "text.window"),
}
_EMBEDDED = {"model.embedding", "model.embedding_size", "model.embedding_dropout"}
_MUSIC = {
    *("data.music", "data.grid", "data.velocities", "data.transpose"),
    *("model.notes", "model.note_size"),
}
_SOUND = {
    *("data.audio", "data.transcript", "data.speaker", "data.name", "data.split_by"),
    *("data.leave_out", "data.join", "data.longest_seconds"),
    *("audio.sample_rate", "audio.window_seconds", "audio.hop_seconds", "audio.bands"),
    *("audio.lowest_hz", "audio.highest_hz", "audio.stack", "audio.stride", "audio.standardise"),
    *("audio.tempo", "audio.vocal_tract", "audio.gain_db", "audio.noise", "audio.mask_bands"),
    *("audio.mask_seconds", "audio.colour", "model.front"),
}
_TIED, _SMOOTHED = "model.tie_embeddings", "train.label_smoothing"

_OWN = {
    **{"tag": _TAGS, "forecast": _FORECAST},
    **{"transcribe": _SOUND, "compose": _MUSIC, "caption": _PICTURES},
}
"""Settings of one task alone."""

_LEFT_OUT: dict[str, set[str]] = {
    "generate": {
        *_LABELS, *_POOLED, *_STARTED, *_LAYERED, *_PAIRS,
        _SMOOTHED, "data.id", "data.time", "model.bidirectional",
    },
    "classify": {*_TEXT_ONLY, *_PAIRS, _TIED, "data.records"},
    "tag": {
        *_TEXT_ONLY, *_LABELS, *_POOLED, *_STARTED, *_LAYERED, *_CUT, *_PAIRS,
        _TIED, _SMOOTHED, "data.text", "data.drop",
    },
    "translate": {
        *_TEXT_ONLY, *_LABELS, *_POOLED, *_STARTED, *_LAYERED,
        "data.text", "data.records", "data.id", "data.time",
    },
    "caption": {
        *_TEXT_ONLY, *_LABELS, *_POOLED, *_STARTED, *_LAYERED,
        *_PAIRS - {"model.decoder", "model.attention", "train.teacher_forcing"},
        *("data.text", "data.records", "data.id", "data.time", "data.drop", "text.kmer"),
        *("model.encoder", "model.bidirectional", "train.sequence_length"),
    },
    "forecast": {
        *_TEXT_ONLY, *_LABELS, *_STARTED, *_LAYERED, *_TEXT, *_EMBEDDED,
        *_POOLED - {"model.wide"}, *_PAIRS - {"train.teacher_forcing"}, _TIED, _SMOOTHED,
        *("data.text", "data.records", "data.drop", "data.valid", "data.test"),
        "train.sequence_length",
        *_SOUND,
    },
    "transcribe": {
        *_TEXT_ONLY, *_LABELS, *_POOLED, *_STARTED, *_LAYERED, *_PAIRS,
        _TIED, _SMOOTHED, "model.embedding", "text.max_length", "text.kmer",
        *("data.text", "data.records", "data.id", "data.time", "data.drop"),
    },
    "compose": {
        *_TEXT_ONLY - {"model.attention_window"}, *_LABELS, *_POOLED, *_STARTED, *_LAYERED,
        *_TEXT, *_PAIRS, _SMOOTHED, "model.bidirectional",
        *("data.text", "data.records", "data.drop", "data.encoding", "data.skip_bad_rows"),
        *("data.id", "data.time"),
    },
}  # fmt: skip
NOT_TAKEN: dict[str, set[str]] = {
    task: left_out.union(*(own for owner, own in _OWN.items() if owner != task))
    for task, left_out in _LEFT_OUT.items()
}
"""Settings that have no meaning for a task: passing one is an error."""


_SEARCH = {
    *("beam", "n_best", "length_penalty", "coverage_penalty", "temperature", "seed"),
    "copy_unknown",
}
_FUTURE = {"horizon", "plot", "gaps"}
_HEARD = {"lm", "lm_weight"}
NOT_PREDICTED: dict[str, set[str]] = {
    "classify": {*_SEARCH, *_FUTURE, *_HEARD},
    "tag": {*_SEARCH, *_FUTURE, *_HEARD, "format", "abstain_below", "text"},
    "translate": {*_FUTURE, *_HEARD, "abstain_below"},
    "caption": {*_HEARD, "horizon", "gaps", "abstain_below", "copy_unknown", "text"},
    "forecast": {*_SEARCH, *_HEARD, "abstain_below", "text"},
    "transcribe": {*_SEARCH - {"beam"}, "horizon", "gaps", "abstain_below", "text"},
}
"""Settings of predictions that have no meaning for a task: passing one is an error."""
