//! Reads `limits`: limits of runs, and how a time limit is derived.

use std::ops::RangeInclusive;

use domain::problem::bounds;

use super::content::{FILE, Manifest};
use crate::diagnostic::Report;
use crate::fields::Field;
use crate::yaml::{Key, Value};

pub(super) fn read(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    for (key, node) in field.map(report) {
        let name = format!("limits.{}", key.text);
        let field = Field { key: &name, node, ..field };
        // An empty value counts as missing.
        if !field.is_null() {
            read_limit(key, field, manifest, report);
        }
    }
}

fn read_limit(key: &Key, field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    let strict = manifest.version.is_strict();
    match key.text.as_str() {
        "time_limit" => {
            manifest.place("limits.timeMs", field);
            if let Some(seconds) = field.positive(report, "seconds above 0") {
                manifest.limits.time_ms = milliseconds(seconds);
                manifest.timing.given_ms = Some(manifest.limits.time_ms);
            }
        }
        "memory" => {
            manifest.place("limits.memoryKb", field);
            if let Some(memory) = amount(field, "MiB above 0", strict, report) {
                manifest.limits.memory_kib = memory;
            }
        }
        "output" => {
            manifest.place("limits.outputKb", field);
            if let Some(output) = amount(field, "MiB above 0", strict, report) {
                manifest.limits.output_kib = output;
            }
        }
        "code" => {
            manifest.place("limits.sourceBytes", field);
            if let Some(code) = amount(field, "KiB above 0", strict, report) {
                manifest.limits.source_bytes = code;
            }
        }
        "time_multiplier" if !strict => set_factor(field, &mut manifest.timing.multiplier, report),
        "time_safety_margin" if !strict => set_factor(field, &mut manifest.timing.margin, report),
        "time_multipliers" => read_multipliers(field, manifest, report),
        "time_resolution" => {
            if let Some(seconds) = field.positive(report, "seconds above 0") {
                manifest.timing.resolution_ms = milliseconds(seconds).max(1);
            }
        }
        "validation_time" => {
            if let Some(seconds) = field.positive(report, "seconds above 0") {
                let clipped =
                    clip(milliseconds(seconds), bounds::VALIDATION_TIME_MS, field, "ms", report);
                manifest.validation_limits.time_ms = clipped;
            }
        }
        "validation_memory" => {
            if let Some(memory) = amount(field, "MiB above 0", strict, report) {
                let clipped = clip(memory, bounds::MEMORY_KIB, field, "KiB", report);
                manifest.validation_limits.memory_kib = clipped;
            }
        }
        "validation_output" => {
            if let Some(output) = amount(field, "MiB above 0", strict, report) {
                let clipped = clip(output, bounds::OUTPUT_KIB, field, "KiB", report);
                manifest.validation_limits.output_kib = clipped;
            }
        }
        "validation_passes" => {
            manifest.place("validation_passes", field);
            let passes = field.positive_integer(report, "an integer of at least 2");
            let passes = passes.and_then(|passes| u32::try_from(passes).ok());
            match passes {
                Some(passes) if passes >= 2 && bounds::PASSES.contains(&passes) => {
                    manifest.passes = Some(passes);
                }
                Some(_) => field.error(report, &format!("2 to {}", bounds::PASSES.end())),
                None => {}
            }
        }
        "compilation_time" | "compilation_memory" => {
            if amount(field, "a number above 0", strict, report).is_some() {
                field.warning(report, "is ignored: the installation sets it");
            }
        }
        _ => manifest.version.unknown_key(FILE, key, field.key, report),
    }
}

fn read_multipliers(field: Field<'_>, manifest: &mut Manifest, report: &mut Report) {
    for (key, node) in field.map(report) {
        let name = format!("{}.{}", field.key, key.text);
        let field = Field { key: &name, node, ..field };
        match key.text.as_str() {
            "ac_to_time_limit" => set_factor(field, &mut manifest.timing.multiplier, report),
            "time_limit_to_tle" => set_factor(field, &mut manifest.timing.margin, report),
            _ => manifest.version.unknown_key(FILE, key, &name, report),
        }
    }
}

fn set_factor(field: Field<'_>, factor: &mut f64, report: &mut Report) {
    match field.positive(report, "a number of at least 1") {
        Some(number) if number >= 1.0 => *factor = number,
        Some(_) => field.error(report, "a number of at least 1"),
        None => {}
    }
}

/// Reads a number of units of 1024. The older versions allow fractions.
fn amount(field: Field<'_>, expected: &str, strict: bool, report: &mut Report) -> Option<u64> {
    match field.node.value {
        Value::Float(_) if !strict => {
            field.positive(report, expected).map(|number| (number * 1024.0).round() as u64)
        }
        _ => field.positive_integer(report, expected).map(|number| number.saturating_mul(1024)),
    }
}

fn clip(
    value: u64,
    bounds: RangeInclusive<u64>,
    field: Field<'_>,
    unit: &str,
    report: &mut Report,
) -> u64 {
    let clipped = value.clamp(*bounds.start(), *bounds.end());
    if clipped != value {
        field.warning(report, &format!("is {value} {unit}; {clipped} {unit} is used instead"));
    }
    clipped
}

/// Converts seconds to ms. The cast saturates, and the domain's bounds reject values that are too
/// large.
pub(in crate::kattis) fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round() as u64
}
