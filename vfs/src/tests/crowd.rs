//! Many threads at the same files.

use std::format;
use std::string::{String, ToString};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::vec;
use std::vec::Vec;

use super::generated::{vfs, whole};
use crate::{Errno, OpenFlags, SeekFrom, Vfs};

const NEW: OpenFlags = OpenFlags::READ.union(OpenFlags::WRITE).union(OpenFlags::CREATE);
const ROUNDS: usize = 300;

/// Makes, writes, renames and removes files whose names begin with `goes`.
fn change(vfs: &Vfs, thread: usize) {
    for round in 0..ROUNDS {
        let (first, second) = (format!("/goes-{thread}-{round}"), format!("/dir/goes-{thread}-{round}"));
        let file = vfs.open("/", &first, NEW).unwrap();
        let piece = vec![thread as u8; 1 + round * 37];
        assert_eq!(vfs.write(file, &piece), Ok(piece.len()));
        vfs.rename("/", &first, &second).unwrap();
        vfs.seek(file, SeekFrom::Start(0)).unwrap();
        let mut read = vec![0; piece.len()];
        assert_eq!(vfs.read(file, &mut read), Ok(piece.len()));
        assert_eq!(read, piece);
        vfs.unlink("/", &second).unwrap();
        vfs.close(file).unwrap();
    }
}

/// Each listing has what stays exactly once.
fn list(vfs: &Vfs, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let directory = vfs.open("/", "/", OpenFlags::READ).unwrap();
        let mut stays: Vec<String> = Vec::new();
        while let Some(entry) = vfs.read_directory(directory).unwrap() {
            if entry.name.starts_with("stays") {
                stays.push(entry.name.to_string());
            }
        }
        vfs.close(directory).unwrap();
        stays.sort_unstable();
        stays.dedup();
        assert_eq!(stays.len(), 100);
    }
}

/// Each reading has the whole text, whatever other descriptors do meanwhile.
fn read(vfs: &Vfs, is_over: &AtomicBool) {
    let texts = ["short", "long", "table"].map(|name| (format!("/proc/{name}"), whole(name)));
    while !is_over.load(Ordering::Relaxed) {
        for (path, text) in &texts {
            let file = vfs.open("/", path, OpenFlags::READ).unwrap();
            let mut bytes = vec![0; text.len() + 1];
            let mut length = 0;
            loop {
                match vfs.read(file, &mut bytes[length..]) {
                    Ok(0) => break,
                    Ok(count) => length += count,
                    Err(error) => panic!("{error}"),
                }
            }
            vfs.close(file).unwrap();
            assert!(bytes[..length] == *text.as_bytes());
        }
    }
}

#[test]
fn readers_and_writers_do_not_disturb_each_other() {
    let (vfs, buffers) = vfs();
    vfs.make_directory("/", "/dir").unwrap();
    for number in 0..100 {
        let file = vfs.open("/", &format!("/stays-{number}"), NEW).unwrap();
        vfs.close(file).unwrap();
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let changing: Vec<_> = (0..3).map(|thread| scope.spawn(move || change(vfs, thread))).collect();
        let watching = [scope.spawn(|| list(vfs, &is_over)), scope.spawn(|| read(vfs, &is_over))];
        for thread in changing {
            thread.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        for thread in watching {
            thread.join().unwrap();
        }
    });
    assert_eq!(buffers.lent.load(Ordering::Relaxed), 0);
    let shared = vfs.open("/", "/proc/long", OpenFlags::READ).unwrap();
    // One descriptor in two hands: each read is whole or refused.
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let found = vfs.read(shared, &mut [0; 3]);
                    assert!(matches!(found, Ok(_) | Err(Errno::EBUSY)));
                }
            });
        }
    });
    vfs.close(shared).unwrap();
}

/// Whoever makes the file has it alone until it removes it; the others find it there, or make it.
#[test]
fn file_is_made_by_one_and_opened_whatever_is_removed() {
    let (vfs, _) = vfs();
    let holders = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    let shared = vfs.open("/", "/shared", NEW.union(OpenFlags::TRUNCATE)).unwrap();
                    vfs.close(shared).unwrap();
                    assert!(matches!(vfs.unlink("/", "/shared"), Ok(()) | Err(Errno::ENOENT)));
                    match vfs.open("/", "/lock", NEW.union(OpenFlags::EXCLUSIVE)) {
                        Ok(lock) => {
                            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                            vfs.close(lock).unwrap();
                            assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                            vfs.unlink("/", "/lock").unwrap();
                        }
                        Err(error) => assert_eq!(error, Errno::EEXIST),
                    }
                }
            });
        }
    });
}
