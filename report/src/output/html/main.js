// Ties the parts together: what is chosen, and what a link says.
const isAll = () => state.root.length === 0 && !$("search").value;

function showAll() {
    const indices = found();
    const sum = indices.reduce((sum, index) => sum + shown(index)[state.value], 0);
    const grown = state.base >= 0 ? " more" : "";
    $("sum").textContent = `${counted(indices.length, "call stack")}, ${number(sum)} ${VALUES[state.value]}${grown}`;
    $("whole").disabled = isAll();
    showGrowth(indices);
    showFlame(indices);
    showTree(indices);
    showTable(indices);
}

function choose(what, value) {
    state[what] = value;
    if (what === "value") [state.order, state.isDown] = [value, true];
    state.root = [];
    $(what).value = value;
    showOverview();
    showTimeline();
    showAll();
}

function followLink() {
    const wanted = /^#search=(.*)$/.exec(location.hash);
    if (wanted) {
        let word = wanted[1];
        try { word = decodeURIComponent(word); } catch { /* it stays as it is */ }
        $("search").value = word;
        state.root = [];
        showAll();
    }
    showStack();
}

// For a page that `--follow` keeps up to date: whether to reload, and what is chosen, last as long as the tab.
const KEPT = ["value", "by", "search"];
const storage = (() => { try { return sessionStorage; } catch { return {}; } })();

function keep() {
    for (const id of KEPT) storage[id] = $(id).value;
    storage.reload = $("reload").checked ? "yes" : "";
}

function restore() {
    if (!storage.reload) return;
    $("reload").checked = true;
    for (const id of KEPT) $(id).value = storage[id] ?? $(id).value;
    state.value = state.order = Number($("value").value);
    state.by = $("by").value;
}

setInterval(() => {
    if (!$("reload").checked) return;
    keep();
    location.reload();
}, 5000);
$("reload").onchange = keep;

make("option", "nothing", $("base")).value = -1;
data.dumps.forEach((dump, index) => {
    for (const id of ["dump", "base"]) make("option", `${index + 1}: ${seconds(dump.time_us)}`, $(id)).value = index;
});
$("dump").value = state.dump;
$("base").value = state.base;
for (const id of ["dump", "base", "value"]) $(id).onchange = event => choose(id, Number(event.target.value));
$("by").onchange = event => choose("by", event.target.value);
$("search").oninput = () => { state.root = []; showAll(); };
$("whole").onclick = () => { state.root = []; $("search").value = ""; showAll(); };
$("more").onclick = () => { state.rows *= 10; showAll(); };
addEventListener("hashchange", followLink);
restore();
showOverview();
showTimeline();
showAll();
followLink();
document.body.dataset.shown = stacks.length;
