//! The program `search` without memstat.

#[path = "../search/search.rs"]
mod search;

fn main() {
    search::run();
}
