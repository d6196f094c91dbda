//! Each output goes through the program that people read it with: Go's pprof, valgrind's `dh_view.html`, inferno, a browser.
//!
//! What needs a large package is ignored by `cargo test`: `make test` installs it and runs these tests.
//! speedscope's schema is checked as types, from its `src/lib/file-format-spec.ts`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{allocate, dumped, free, set_stack, tracker};
use memstat::Level;
use memstat::report::{DumpFrame, DumpMark, DumpOptions, DumpParts};
use memstat_report::dump::{Dump, Stack, read};
use memstat_report::output::{Form, Style, Subject, report};
use memstat_report::profile::{Profile, Selection, Value};
use serde::Deserialize;

/// Two dumps of Tally: before `bug leak`, and after it.
const LEAK: &[u8] = include_bytes!("samples/bug-leak.log");
const PLACE: &str = "kernel/src/bugs/packets.rs:66";
/// What leaks there, in bytes and blocks.
const LEAKED: (i64, i64) = (276, 3);

/// A name that would change the page if any of it were taken for markup.
const EVIL: &str =
    "</script><script>document.title='changed'</script>\"><img src=x onerror=alert(1)>&amp;'\u{7}\u{1b}[1m";

fn named(dump: Dump) -> (Dump, Profile) {
    let profile = Profile::new(&dump, None, &Selection::default()).unwrap();
    (dump, profile)
}

fn leak() -> [(Dump, Profile); 2] {
    let dumps: Vec<_> = read(LEAK).unwrap().into_iter().map(named).collect();
    dumps.try_into().unwrap()
}

fn written(form: Form, dumps: &[(Dump, Profile)], base: Option<&(Dump, Profile)>) -> Vec<u8> {
    report(form, Subject { dumps, base }, &Style { value: Value::LiveBytes, tables: &[], top: 20 }).unwrap()
}

/// What grew from the first dump to the second.
fn difference(form: Form) -> Vec<u8> {
    let [before, after] = leak();
    written(form, &[after], Some(&before))
}

/// Blocks with evil names, some of them freed, with a history.
fn evil() -> (Dump, Profile) {
    let tracker = tracker(Level::Full);
    let name = |address: usize, visit: &mut dyn FnMut(&DumpFrame<'_>)| {
        let function = format!("{EVIL}{address:x}");
        visit(&DumpFrame { function: &function, file: EVIL, line: 5 });
    };
    for number in 0..40 {
        set_stack(&tracker, &[0x1000 + number % 7, 0x2000]);
        let block = allocate(&tracker, number * 100 + 1, 8);
        if number % 3 == 0 {
            free(&tracker, block);
        }
    }
    let marks = [DumpMark { name: EVIL, sequence: 1, stamp: 1 }];
    let options = DumpOptions {
        program: EVIL,
        parts: DumpParts::History,
        marks: &marks,
        names: Some(&name),
        load_offset: 0,
    };
    named(read(dumped(&tracker, &options).as_bytes()).unwrap().remove(0))
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("consumers-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

// --- without other packages ---

#[test]
fn the_leak_is_first_in_the_folded_difference_and_inferno_takes_it() {
    let text = String::from_utf8(difference(Form::Folded)).unwrap();
    assert!(text.lines().next().unwrap().ends_with(&format!(";{PLACE} 0 276")), "{text}");
    for (name, evil) in [("leak", leak()[1].clone()), ("evil", evil())] {
        let folded = String::from_utf8(written(Form::Folded, std::slice::from_ref(&evil), None)).unwrap();
        // A log of perf's is not what this is: the parser for folded stacks is that of the graph itself.
        let mut options = inferno::flamegraph::Options::default();
        let mut svg = Vec::new();
        inferno::flamegraph::from_lines(&mut options, folded.lines(), &mut svg).unwrap();
        let svg = String::from_utf8(svg).unwrap().replace(',', "");
        assert!(svg.contains(&format!("all ({} samples", evil.0.live.bytes)), "{name}");
        assert!(!svg.contains("<script>document"), "{name}");
    }
}

/// `FileFormat.File` and what it consists of; a field that the format does not know is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Speedscope {
    #[serde(rename = "$schema")]
    schema: String,
    shared: Shared,
    profiles: Vec<Sampled>,
    #[serde(rename = "name")]
    _name: Option<String>,
    #[serde(rename = "activeProfileIndex")]
    active: Option<usize>,
    #[serde(rename = "exporter")]
    _exporter: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shared {
    frames: Vec<SpeedscopeFrame>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpeedscopeFrame {
    #[serde(rename = "name")]
    _name: String,
    file: Option<String>,
    line: Option<u32>,
    #[serde(rename = "col")]
    _col: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sampled {
    r#type: String,
    #[serde(rename = "name")]
    _name: String,
    unit: String,
    #[serde(rename = "startValue")]
    start: i64,
    #[serde(rename = "endValue")]
    end: i64,
    samples: Vec<Vec<usize>>,
    weights: Vec<i64>,
}

#[test]
fn speedscope_s_types_take_it_and_the_leak_is_first() {
    for bytes in [difference(Form::Speedscope), written(Form::Speedscope, &[evil()], None)] {
        let file: Speedscope = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(file.schema, "https://www.speedscope.app/file-format-schema.json");
        assert!(file.active.unwrap() < file.profiles.len());
        for profile in &file.profiles {
            assert_eq!(profile.r#type, "sampled");
            let units = ["none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"];
            assert!(units.contains(&profile.unit.as_str()), "{}", profile.unit);
            assert_eq!(profile.samples.len(), profile.weights.len());
            assert_eq!(profile.end - profile.start, profile.weights.iter().sum::<i64>());
            assert!(profile.samples.iter().flatten().all(|frame| *frame < file.shared.frames.len()));
        }
    }
    let file: Speedscope = serde_json::from_slice(&difference(Form::Speedscope)).unwrap();
    let [live_bytes, live_blocks, ..] = file.profiles.as_slice() else { panic!("too few profiles") };
    assert_eq!((live_bytes.weights[0], live_blocks.weights[0]), LEAKED);
    let frame = &file.shared.frames[*live_bytes.samples[0].last().unwrap()];
    assert_eq!(format!("{}:{}", frame.file.as_deref().unwrap(), frame.line.unwrap()), PLACE);
}

// --- Go's pprof ---

fn pprof(arguments: &[&str], file: &Path) -> String {
    let mut command = Command::new("go");
    let output =
        command.args(["tool", "pprof"]).args(arguments).arg(file).output().expect("Debian: golang-go");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
#[ignore = "needs Go: make test"]
fn pprof_shows_the_sums_and_the_leak_first() {
    let folder = folder("pprof");
    let file = folder.join("diff.pb.gz");
    fs::write(&file, difference(Form::Pprof)).unwrap();
    let top = pprof(&["-top", "-lines"], &file);
    let rows: Vec<_> = top.lines().skip_while(|line| !line.trim_start().starts_with("flat")).collect();
    assert!(rows[1].trim_start().starts_with("276B") && rows[1].ends_with(PLACE), "{top}");
    let blocks = pprof(&["-top", "-lines", "-sample_index=inuse_objects"], &file);
    assert!(blocks.contains("Showing nodes accounting for 3, 100% of 3 total"), "{blocks}");

    let (dump, profile) = evil();
    fs::write(&file, written(Form::Pprof, &[(dump.clone(), profile)], None)).unwrap();
    let raw = pprof(&["-raw"], &file);
    let mut sums = [0_u64; 4];
    let samples = raw.lines().skip_while(|line| !line.starts_with("alloc_objects/count")).skip(1);
    for line in samples.take_while(|line| *line != "Locations") {
        // `VALUE...: LOCATION...`; between them stand the labels.
        let Some((values, _)) = line.split_once(": ") else { continue };
        let values: Vec<u64> = values.split_whitespace().filter_map(|value| value.parse().ok()).collect();
        sums.iter_mut().zip(&values).for_each(|(sum, value)| *sum += value);
    }
    let Dump { totals, live, .. } = &dump;
    assert_eq!(sums, [totals.allocations, totals.requested_bytes, live.blocks, live.bytes], "{raw}");
    fs::remove_dir_all(&folder).unwrap();
}

// --- a browser ---

/// The page's elements once its scripts have run; nothing may be on the console.
fn browsed(page: &Path, options: &[&str]) -> String {
    let data = page.with_extension("browser");
    let mut command = Command::new("chromium");
    // Root needs --no-sandbox; the page is our own.
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]);
    command
        .args(options)
        .arg(format!("--user-data-dir={}", data.display()))
        .arg(format!("file://{}", page.display()));
    let output = command.output().expect("Debian: chromium");
    let told = String::from_utf8_lossy(&output.stderr);
    let console: Vec<_> = told.lines().filter(|line| line.contains("CONSOLE")).collect();
    assert!(console.is_empty(), "{console:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Adds a script to a page that calls `told(NAME, VALUE)`, and returns what it told.
fn driven(folder: &Path, page: &str, script: &str) -> serde_json::Value {
    const START: &str = "<pre id=\"told\">";
    let told = format!(
        "<script>{{ const answers = {{}};\nconst told = (name, value) => {{ answers[name] = value; }};\n\
         addEventListener('error', event => told('error', String(event.message)));\n{script}\n\
         const shown = document.createElement('pre');\nshown.id = 'told';\n\
         shown.textContent = JSON.stringify(answers);\ndocument.body.append(shown); }}</script>\n</body>"
    );
    let file = folder.join("page.html");
    fs::write(&file, page.replacen("</body>", &told, 1)).unwrap();
    let dom = browsed(&file, &[]);
    let (_, rest) = dom.split_once(START).unwrap_or_else(|| panic!("the script did not run: {dom}"));
    let text = rest.split_once("</pre>").unwrap().0;
    let text =
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    let answers: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(answers.get("error").is_none(), "{answers}");
    answers
}

#[test]
#[ignore = "needs chromium: make test"]
fn the_page_shows_the_leak_first_and_its_parts_work() {
    let folder = folder("page");
    let page = String::from_utf8(difference(Form::Html)).unwrap();
    let answers = driven(
        &folder,
        &page,
        "
        const text = id => document.getElementById(id).textContent;
        const press = (box, key) => box.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        const change = (id, value) => {
            const element = document.getElementById(id);
            element.value = value;
            element.dispatchEvent(new Event(id === 'search' ? 'input' : 'change'));
        };
        const firstRow = () => [...document.querySelector('#table tr:nth-of-type(2)').cells].map(cell => cell.textContent);
        told('first', text('first'));
        told('row', firstRow());
        told('sum', text('sum'));
        told('tree', document.querySelector('#tree button').getAttribute('aria-label'));
        const deepest = [...document.querySelectorAll('#flame button')].pop();
        told('flame', deepest.getAttribute('aria-label'));
        // One step down from the top, and into that box.
        const top = document.querySelector('#flame button');
        top.focus();
        press(top, 'ArrowDown');
        told('below', document.activeElement.textContent);
        document.activeElement.click();
        told('zoomed', state.root.join());
        press(document.querySelector('#flame button'), 'Escape');
        told('whole', state.root.length);
        change('by', 'file');
        told('files', [...document.querySelectorAll('#flame button')].map(box => box.textContent));
        change('base', -1);
        told('live', text('sum'));
        change('search', 'nothing has this');
        told('none', text('sum'));
        change('search', 'packets.rs:66');
        told('one', text('sum'));
        change('dump', 0);
        told('before', text('sum'));
        change('dump', 1);
        location.hash = 'stack=2';
        followLink();
        told('stack', [...document.querySelectorAll('#stack li')].map(item => item.textContent));
        document.getElementById('reload').click();
        told('kept', [storage.reload, storage.search]);
        document.getElementById('reload').click();
        told('lives', document.querySelectorAll('#stack .life').length);
        told('points', document.querySelectorAll('#points tr').length);
        told('unnamed', [...document.querySelectorAll('button, select, input')]
            .filter(element => !element.textContent && !element.labels?.length && !element.getAttribute('aria-label')).length);
        ",
    );
    let text = |name: &str| answers[name].as_str().unwrap();
    assert!(text("first").starts_with("Most: stack 2, by 276 bytes in 3 blocks, "), "{answers}");
    assert!(text("first").contains("First, at 0.5") && text("first").contains(PLACE), "{answers}");
    let row: Vec<_> = answers["row"].as_array().unwrap().iter().map(|cell| cell.as_str().unwrap()).collect();
    assert_eq!(row[..5], ["2", "+276", "+3", "+522", "+6"]);
    assert!(row[5].ends_with(&format!(" at {PLACE}")), "{row:?}");
    assert_eq!(text("sum"), "1 call stack, 276 live bytes more");
    assert!(text("tree").ends_with("packets.rs:66: 276 live bytes, 100.0%"), "{answers}");
    assert_eq!(text("flame"), format!("{PLACE}: 276 live bytes, 100.0%"));
    assert_eq!((text("below"), text("zoomed")), ("tally_high", "tally_high"));
    assert_eq!(answers["whole"], 0);
    let files = answers["files"].as_array().unwrap();
    assert!(
        files.contains(&"kernel/src/bugs/packets.rs".into()) && files.contains(&PLACE.into()),
        "{answers}"
    );
    assert_eq!(text("live"), "2 call stacks, 532 live bytes");
    assert_eq!(text("none"), "0 call stacks, 0 live bytes");
    assert_eq!(text("one"), "1 call stack, 276 live bytes");
    assert_eq!(text("before"), "0 call stacks, 0 live bytes");
    assert!(answers["stack"][0].as_str().unwrap().ends_with(PLACE), "{answers}");
    assert_eq!((answers["lives"].as_u64(), answers["points"].as_u64()), (Some(3), Some(3)));
    assert_eq!(answers["kept"], serde_json::json!(["yes", "packets.rs:66"]));
    assert_eq!(answers["unnamed"], 0, "each control has a name for a screen reader");
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
#[ignore = "needs chromium: make test"]
fn names_are_text_in_the_page_whatever_is_in_them() {
    let folder = folder("evil");
    let (dump, profile) = evil();
    let page = String::from_utf8(written(Form::Html, &[(dump.clone(), profile)], None)).unwrap();
    let answers = driven(
        &folder,
        &page,
        "
        told('title', document.title);
        told('heading', document.getElementById('title').textContent);
        told('elements', document.querySelectorAll('img').length);
        told('scripts', document.querySelectorAll('script').length);
        location.hash = 'stack=1';
        followLink();
        told('frame', document.querySelector('#stack li').textContent);
        told('sums', [0, 1, 2, 3].map(value => {
            choose('value', value);
            return document.getElementById('sum').textContent.replaceAll(',', '');
        }));
        told('freed', data.lives.filter(life => life[4] !== null).length);
        ",
    );
    // A title has no control characters, and no script has set another.
    let title = answers["title"].as_str().unwrap();
    assert!(title.starts_with(EVIL.split('\u{7}').next().unwrap()) && title.ends_with(": memory"), "{title}");
    assert!(answers["heading"].as_str().unwrap().starts_with(EVIL), "{answers}");
    assert_eq!(answers["elements"], 0);
    assert_eq!(answers["scripts"], 3, "the data, the page's script, and the test's");
    assert_eq!(answers["frame"], format!("{EVIL}1000 at {EVIL}:5"));
    let Dump { totals, live, stacks, .. } = &dump;
    let sums = [live.bytes, live.blocks, totals.requested_bytes, totals.allocations];
    for ((found, sum), name) in answers["sums"].as_array().unwrap().iter().zip(sums).zip([
        "live bytes",
        "live blocks",
        "total bytes",
        "total blocks",
    ]) {
        let count = stacks.iter().filter(|stack| stack.total_blocks > 0).count();
        assert_eq!(found, &format!("{count} call stacks {sum} {name}"));
    }
    assert_eq!(answers["freed"].as_u64(), Some(totals.frees));
    fs::remove_dir_all(&folder).unwrap();
}

/// Ten dumps with 10,000 stacks of 16 frames.
fn large() -> Vec<(Dump, Profile)> {
    let dumps = (1..=10_u64).map(|time| {
        let mut dump = Dump { program: "large".into(), time_us: time * 1_000_000, ..Dump::default() };
        dump.stacks = (0..10_000_u64)
            .map(|number| Stack {
                number: number as u32 + 1,
                live_blocks: 1 + number % 7,
                live_bytes: (number * 37 % 1000 + 1) * time,
                total_blocks: 10,
                total_bytes: 100_000,
                frames: (0..16).map(|depth| 0x1000 + (number >> (15 - depth)) * 16 + depth).collect(),
                ..Stack::default()
            })
            .collect();
        named(dump)
    });
    dumps.collect()
}

#[test]
#[ignore = "needs chromium: make test"]
fn a_page_of_ten_thousand_stacks_opens_quickly() {
    let folder = folder("large");
    let page = String::from_utf8(written(Form::Html, &large(), None)).unwrap();
    let answers = driven(
        &folder,
        &page,
        "
        told('opened', performance.now());
        const start = performance.now();
        document.getElementById('search').value = '0x1010';
        showAll();
        told('searched', performance.now() - start);
        told('sum', document.getElementById('sum').textContent);
        ",
    );
    eprintln!("{} bytes; {answers}", page.len());
    // 2 s on a quiet machine.
    assert!(answers["opened"].as_f64().unwrap() < 6000.0, "{answers}");
    assert!(answers["searched"].as_f64().unwrap() < 1500.0, "{answers}");
    fs::remove_dir_all(&folder).unwrap();
}

// --- DHAT's viewer ---

#[test]
#[ignore = "needs chromium and valgrind: make test"]
fn dhat_s_viewer_shows_the_leak_first_and_the_sums() {
    const VIEWER: &str = "/usr/libexec/valgrind";
    let folder = folder("dhat");
    for file in ["dh_view.js", "dh_view.css"] {
        fs::copy(Path::new(VIEWER).join(file), folder.join(file)).expect("Debian: valgrind");
    }
    let page = fs::read_to_string(Path::new(VIEWER).join("dh_view.html")).unwrap();
    for (json, total, end, first) in [
        (difference(Form::Dhat), "522 bytes", "At t-end:  276 bytes", Some(PLACE)),
        (written(Form::Dhat, &leak()[1..], None), "778 bytes", "At t-end:  532 bytes", None),
    ] {
        let json = serde_json::to_string(&String::from_utf8(json).unwrap()).unwrap().replace('<', "\\u003c");
        // What a person does with the button, without the dialog; the viewer reads the file itself.
        let script = format!(
            "<script>addEventListener('load', () => setTimeout(() => {{ const files = new DataTransfer();\n\
             files.items.add(new File([{json}], 'heap.json'));\ngInput.files = files.files;\nloadFile(); }}));</script></head>"
        );
        let file = folder.join("page.html");
        fs::write(&file, page.replacen("</head>", &script, 1)).unwrap();
        // The viewer reads the file after the page is there.
        let dom = browsed(&file, &["--virtual-time-budget=5000"]);
        assert!(dom.contains(total) && dom.contains(end), "{dom}");
        // The first call stack, whose frames begin with number 0, the root.
        let frame = dom.split("#1: ").nth(1).and_then(|rest| rest.lines().next()).unwrap_or_default();
        assert!(first.is_none_or(|place| frame.contains(place)), "{frame}");
        assert!(!dom.contains("class=\"error\""), "{dom}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
