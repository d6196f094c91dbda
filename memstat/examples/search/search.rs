//! A search through a folder, as the program ripgrep does it: threads take files from a queue, and each collects the lines
//! that hold a word.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

/// A line that was found.
struct Match {
    path: String,
    number: usize,
    line: String,
}

/// All files below a folder.
fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// `search WORD FOLDER [THREADS]`: prints how many lines were found, and in how many files.
pub(crate) fn run() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [word, folder, rest @ ..] = &words[..] else {
        eprintln!("search WORD FOLDER [THREADS]");
        std::process::exit(2);
    };
    let threads = rest.first().and_then(|count| count.parse().ok()).unwrap_or(4);
    let files = files_below(PathBuf::from(folder));
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Ok(text) = fs::read(path) else { continue };
                    let text = String::from_utf8_lossy(&text);
                    let lines = text.lines().enumerate().filter(|(_, line)| line.contains(word.as_str()));
                    let matches: Vec<Match> = lines
                        .map(|(index, line)| Match {
                            path: path.display().to_string(),
                            number: index + 1,
                            line: line.trim().to_owned(),
                        })
                        .collect();
                    if !matches.is_empty() {
                        found.lock().expect("no thread panics").push(matches);
                    }
                }
            });
        }
    });
    let found = found.into_inner().expect("no thread panics");
    let longest = found.iter().flatten().map(|found| found.path.len() + found.line.len()).max().unwrap_or(0);
    let last = found.iter().flatten().map(|found| found.number).max().unwrap_or(0);
    let lines = found.iter().map(Vec::len).sum::<usize>();
    println!("{lines} lines in {} of {} files; longest {longest}, last {last}", found.len(), files.len());
}
