//! One figure: what was measured, and how much it is.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A figure, as `build/bench.json` and the baseline list it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) backend: String,
    pub(crate) level: String,
    pub(crate) workload: String,
    /// 0 where sizes are mixed.
    pub(crate) size_bytes: u64,
    pub(crate) live_blocks: u64,
    /// Of the machine that was measured.
    pub(crate) memory_mib: u64,
    /// Of a pair, or of an operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) instructions: Option<f64>,
    /// Of the tracker's arena.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_per_block: Option<f64>,
}

/// What tells one figure from another.
pub(crate) type Key<'a> = (&'a str, &'a str, &'a str, u64, u64, u64);

impl Figure {
    /// Reads a line of the kernel's: `bench: backend=slab level=off ... counts=108.00`. On the machines that are
    /// measured a count is an instruction.
    pub(crate) fn from_line(line: &str, memory_mib: u64) -> Result<Self> {
        let wrong = || Error::Wrong(format!("bench: not a figure: `{line}`"));
        let words = line.strip_prefix("bench: ").ok_or_else(wrong)?;
        let value = |name: &str| {
            words.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        let number = |name: &str| value(name).map(|text| text.parse::<f64>());
        let figure = Self {
            backend: value("backend").ok_or_else(wrong)?,
            level: value("level").ok_or_else(wrong)?,
            workload: value("workload").ok_or_else(wrong)?,
            size_bytes: value("size_bytes").and_then(|text| text.parse().ok()).ok_or_else(wrong)?,
            live_blocks: value("live_blocks").and_then(|text| text.parse().ok()).ok_or_else(wrong)?,
            memory_mib,
            instructions: number("counts").transpose().map_err(|_| wrong())?,
            bytes_per_block: number("bytes_per_block").transpose().map_err(|_| wrong())?,
        };
        if figure.instructions.is_some() == figure.bytes_per_block.is_some() {
            Err(wrong())
        } else {
            Ok(figure)
        }
    }

    pub(crate) fn key(&self) -> Key<'_> {
        let Self { backend, level, workload, size_bytes, live_blocks, memory_mib, .. } = self;
        (backend, level, workload, *size_bytes, *live_blocks, *memory_mib)
    }

    /// The place in lists, so that they are the same on every run.
    pub(crate) fn order(&self) -> (String, String, String, u64, u64, u64) {
        let (backend, level, workload, size_bytes, live_blocks, memory_mib) = self.key();
        (backend.into(), level.into(), workload.into(), size_bytes, live_blocks, memory_mib)
    }
}

/// Reads a list of figures.
pub(crate) fn parse(text: &str) -> Result<Vec<Figure>> {
    serde_json::from_str(text).map_err(|error| Error::Wrong(format!("figures: {error}")))
}

/// Writes a list of figures, one a line.
pub(crate) fn write(path: &Path, figures: &[Figure]) -> Result<()> {
    let lines: serde_json::Result<Vec<String>> = figures.iter().map(serde_json::to_string).collect();
    let lines = lines.map_err(|error| Error::Wrong(format!("figures: {error}")))?;
    fs::write(path, format!("[\n{}\n]\n", lines.join(",\n")))
        .map_err(Error::host(format!("writing {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "bench: backend=slab level=off workload=pair size_bytes=64 live_blocks=0 counts=108.25";

    #[test]
    fn a_line_is_a_figure_or_an_error() {
        let figure = Figure::from_line(LINE, 256).unwrap();
        assert_eq!(figure.key(), ("slab", "off", "pair", 64, 0, 256));
        assert_eq!((figure.instructions, figure.bytes_per_block), (Some(108.25), None));
        for nonsense in [
            "",
            "bench: out of memory",
            "bench: backend=slab level=off workload=pair size_bytes=64 live_blocks=0",
            "bench: backend=slab level=off workload=pair size_bytes=64 live_blocks=0 counts=many",
        ] {
            assert!(Figure::from_line(nonsense, 256).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let figures = vec![Figure::from_line(LINE, 256).unwrap()];
        let path = std::env::temp_dir().join(format!("tally-figures-{}.json", std::process::id()));
        write(&path, &figures).unwrap();
        let read = parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read, figures);
        assert!(parse("[{}]").is_err());
    }
}
