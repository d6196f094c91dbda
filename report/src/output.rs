//! The forms in which a profile is written: one module each.
//!
//! The sums of each are those of the dump, to the byte.

pub mod dhat;
pub mod flame;
pub mod folded;
pub mod html;
pub mod pprof;
mod protobuf;
pub mod speedscope;
pub mod table;

use crate::dump::Dump;
use crate::profile::{Profile, Value};
use flame::Shape;
use table::Table;

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Tables to read in a terminal.
    Table,
    /// Folded stacks.
    Folded,
    /// A flame graph as SVG.
    Flame,
    /// A flame graph that grows downward.
    Icicle,
    /// pprof's profile, compressed.
    Pprof,
    /// speedscope's JSON.
    Speedscope,
    /// DHAT's JSON.
    Dhat,
    /// A page for a browser.
    Html,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Table,
        Self::Folded,
        Self::Flame,
        Self::Icicle,
        Self::Pprof,
        Self::Speedscope,
        Self::Dhat,
        Self::Html,
    ];

    /// The name in options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Folded => "folded",
            Self::Flame => "flame",
            Self::Icicle => "icicle",
            Self::Pprof => "pprof",
            Self::Speedscope => "speedscope",
            Self::Dhat => "dhat",
            Self::Html => "html",
        }
    }

    /// How the names of such files usually end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Table => "txt",
            Self::Folded => "folded",
            Self::Flame => "svg",
            Self::Icicle => "icicle.svg",
            Self::Pprof => "pb.gz",
            Self::Speedscope => "speedscope.json",
            Self::Dhat => "dhat.json",
            Self::Html => "html",
        }
    }
}

/// What a report is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Dumps, in the order of their times, with what is selected of each. All but a page report on the last one.
    pub dumps: &'a [(Dump, Profile)],
    /// What the last one is compared with.
    pub base: Option<&'a (Dump, Profile)>,
}

/// How a report is written.
#[derive(Clone, Copy, Debug)]
pub struct Style<'a> {
    /// What counts.
    pub value: Value,
    /// Which tables.
    pub tables: &'a [Table],
    /// Rows of a table at most.
    pub top: usize,
}

/// A report's bytes.
///
/// # Errors
///
/// Why there is no such report, in words.
pub fn report(form: Form, subject: Subject<'_>, style: &Style<'_>) -> Result<Vec<u8>, String> {
    let Some((dump, profile)) = subject.dumps.last() else { return Err("there is no dump".into()) };
    let (base, value) = (subject.base.map(|(_, profile)| profile), style.value);
    // These have the values before and after; the others have the difference.
    match (form, base) {
        (Form::Flame, _) => return flame::flame_graph(profile, base, value, Shape::Flames),
        (Form::Icicle, _) => return flame::flame_graph(profile, base, value, Shape::Icicles),
        (Form::Folded, Some(base)) => return Ok(folded::folded_difference(base, profile, value).into_bytes()),
        (Form::Html, _) => return Ok(html::page(subject.dumps, subject.base).into_bytes()),
        _ => {}
    }
    let mut profile = base.map_or_else(|| profile.clone(), |base| profile.since(base));
    profile.sort_by(value);
    Ok(match form {
        Form::Table => {
            let mut text = String::new();
            for (number, table) in style.tables.iter().enumerate() {
                if number > 0 {
                    text.push('\n');
                }
                // A string takes everything.
                let _ = table::write_table(*table, dump, &profile, value, style.top, &mut text);
            }
            text.into_bytes()
        }
        Form::Pprof => {
            let mut bytes = Vec::new();
            pprof::write(&profile, &mut bytes).map_err(|error| error.to_string())?;
            bytes
        }
        Form::Speedscope => speedscope::speedscope(&profile).to_string().into_bytes(),
        Form::Dhat => dhat::dhat(&profile).to_string().into_bytes(),
        Form::Flame | Form::Icicle | Form::Folded | Form::Html => {
            folded::folded(&profile, value).into_bytes()
        }
    })
}
