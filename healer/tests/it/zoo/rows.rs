//! The animals: name, script, and how it ends.

use domain::catalog::Language;

/// How one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Exit(i32),
    Signal(i32),
    TimedOut,
    /// After a stop that a person asked for.
    Cancelled,
    /// It could not be executed; the reason has this text.
    NotRun(&'static str),
    /// It was not taken; the reason has this text.
    Refused(&'static str),
}

/// One script.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) language: Language,
    pub(crate) interpreter: &'static [&'static str],
    pub(crate) body: &'static str,
    pub(crate) env: &'static [(&'static str, &'static str)],
    pub(crate) timeout_secs: u32,
    pub(crate) ends: Ends,
    /// Texts that its log has to have.
    pub(crate) prints: &'static [&'static str],
    /// Programs without which it cannot be shown.
    pub(crate) needs: &'static [&'static str],
    /// Whether it needs control groups.
    pub(crate) grouped: bool,
}

const fn sh(name: &'static str, body: &'static str, ends: Ends, prints: &'static [&'static str]) -> Row {
    Row {
        name,
        language: Language::Sh,
        interpreter: &[],
        body,
        env: &[],
        timeout_secs: 30,
        ends,
        prints,
        needs: &[],
        grouped: false,
    }
}

const fn bash(name: &'static str, body: &'static str, ends: Ends, prints: &'static [&'static str]) -> Row {
    let mut row = sh(name, body, ends, prints);
    row.language = Language::Bash;
    row.needs = &["bash"];
    row
}

const fn python(name: &'static str, body: &'static str, ends: Ends, prints: &'static [&'static str]) -> Row {
    let mut row = sh(name, body, ends, prints);
    row.language = Language::Python;
    row.needs = &["python3"];
    row
}

/// Ends at its time limit of one second.
const fn slow(mut row: Row) -> Row {
    row.timeout_secs = 1;
    row.ends = Ends::TimedOut;
    row
}

const fn grouped(mut row: Row) -> Row {
    row.grouped = true;
    row
}

use Ends::{Cancelled, Exit, NotRun, Refused, Signal, TimedOut};

/// All of them.
pub(crate) static ZOO: [Row; 64] = [
    // Exit codes and signals.
    sh("ends well", "echo fine", Exit(0), &["fine"]),
    sh("its own code", "exit 42", Exit(42), &[]),
    sh("code 255", "exit 255", Exit(255), &[]),
    sh("code over 255 is cut by the system", "exit 256", Exit(0), &[]),
    sh("last command decides", "true; false", Exit(1), &[]),
    sh("stops at the first failure", "set -e\necho one\nfalse\necho two", Exit(1), &["one"]),
    sh("unknown command", "no-such-command-at-all", Exit(127), &["not found"]),
    sh("not executable", "echo x > f; ./f", Exit(126), &["ermission denied"]),
    sh("syntax error", "if then fi (", Exit(2), &["yntax"]),
    sh("kills itself", "kill -9 $$", Signal(9), &[]),
    sh("ends itself by TERM", "kill $$; sleep 5", Signal(15), &[]),
    slow(sh("stops itself", "kill -STOP $$", TimedOut, &[])),
    sh("segmentation fault", "kill -SEGV $$", Signal(11), &[]),
    sh("aborts", "kill -ABRT $$", Signal(6), &[]),
    sh("a code that looks like a signal", "exit 137", Exit(137), &[]),
    sh("kills its group", "sleep 5 & kill -9 0", Signal(9), &[]),
    sh("kills all that it may", "trap '' TERM; kill -TERM -$$; echo still here", Exit(0), &["still here"]),
    // Time.
    slow(sh("sleeps for ever", "echo before; sleep 100000", TimedOut, &["before", "time limit"])),
    slow(sh("spins for ever", "while :; do :; done", TimedOut, &[])),
    slow(sh("ignores TERM", "trap '' TERM; while :; do sleep 0.1; done", TimedOut, &[])),
    slow(bash(
        "ignores every signal",
        "trap '' $(seq 1 31 | grep -v -e 9 -e 19); while :; do sleep 0.1; done",
        TimedOut,
        &[],
    )),
    slow(sh(
        "cleans up at TERM",
        "trap 'echo tidied; exit 0' TERM; while :; do sleep 0.05; done",
        TimedOut,
        &["tidied"],
    )),
    slow(sh("prints for ever", "yes a line of words", TimedOut, &["output limit reached", "left out here"])),
    slow(sh("never ends its line", "while :; do printf 0123456789; done", TimedOut, &["[cut: the line has"])),
    slow(sh("waits for its child", "sleep 1000 & wait", TimedOut, &[])),
    slow(sh("starts itself again and again", "exec \"$0\"", TimedOut, &[])),
    sh("is stopped by a person", "sleep 1000", Cancelled, &["asked to stop"]),
    sh("is stopped and will not go", "trap '' TERM; while :; do sleep 0.1; done", Cancelled, &[]),
    // Children.
    sh("leaves a child", "sleep 600 & echo left", Exit(0), &["left"]),
    sh("leaves a child without terminal", "nohup sleep 600 >/dev/null 2>&1 & echo left", Exit(0), &["left"]),
    sh("leaves a session", "setsid sleep 600 & echo left", Exit(0), &["left"]),
    sh("leaves a daemon", "(setsid sh -c 'setsid sleep 600 & exit' &) ; sleep 0.2; echo left", Exit(0), &["left"]),
    sh("leaves one that ignores TERM", "(trap '' TERM; setsid sleep 600 &) ; echo left", Exit(0), &["left"]),
    sh("leaves one without its mark", "env -i setsid sleep 600 & sleep 0.2; echo left", Exit(0), &["left"]),
    sh("hundred children", "i=0; while [ $i -lt 100 ]; do sleep 600 & i=$((i+1)); done; echo left", Exit(0), &["left"]),
    sh("zombies", "i=0; while [ $i -lt 30 ]; do (exit 0) & i=$((i+1)); done; sleep 0.3; echo fine", Exit(0), &["fine"]),
    sh("orphans that end", "for n in 1 2 3; do (sleep 0.1 & ) ; done; sleep 0.3; echo fine", Exit(0), &["fine"]),
    sh("a child that keeps the output", "sleep 600 & exit 3", Exit(3), &[]),
    grouped(slow(bash("fork bomb", ":(){ :|:& }; :; sleep 60", TimedOut, &[]))),
    grouped(slow(sh("forks and dies", "while :; do (sleep 600 &) ; done", TimedOut, &[]))),
    python(
        "double fork",
        "import os,time\nif os.fork()==0:\n os.setsid()\n if os.fork()==0:\n  time.sleep(600)\n os._exit(0)\nos.wait()\nprint('left')",
        Exit(0),
        &["left"],
    ),
    python(
        "renames itself",
        "import os\nopen('/proc/self/comm','w').write(') R 1 (')\nif os.fork()==0:\n import time; time.sleep(600)\nprint('left')",
        Exit(0),
        &["left"],
    ),
    python(
        "threads that do not end",
        "import threading,time,os\nfor _ in range(20): threading.Thread(target=time.sleep,args=(600,),daemon=True).start()\nprint('fine')",
        Exit(0),
        &["fine"],
    ),
    // Output.
    sh("closes its output", "exec >&- 2>&-; exit 7", Exit(7), &[]),
    sh("closes its output and goes on", "echo before; exec >&- 2>&-; sleep 0.3; exit 8", Exit(8), &["before"]),
    sh("no line end", "printf 'no end'", Exit(0), &["no end"]),
    sh("bytes of all kinds", "head -c 200000 /dev/urandom; exit 5", Exit(5), &[]),
    sh("zero bytes", "printf 'a\\000b\\n'", Exit(0), &["a\u{2400}b"]),
    sh("not UTF-8", "printf 'caf\\351\\n'", Exit(0), &["caf\u{fffd}"]),
    sh("half a character at the end", "printf 'x\\342\\202'", Exit(0), &["x\u{fffd}"]),
    sh(
        "a line of a megabyte",
        "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo after",
        Exit(0),
        &["[cut: the line has 1000000 bytes]", "after"],
    ),
    sh("colours and carriage returns", "printf '\\033[31mred\\033[0m\\r\\n'", Exit(0), &["red"]),
    sh("both outputs", "echo out; echo err >&2", Exit(0), &["out", "err"]),
    sh(
        "looks like our own file",
        "echo '{\"seq\":1,\"at\":\"x\",\"stream\":\"system\",\"text\":\"lie\"}'",
        Exit(0),
        &["lie"],
    ),
    // Input and surroundings.
    sh("reads its input", "read line; echo \"got: $line.\"", Exit(0), &["got: ."]),
    sh("asks the terminal", "echo hello > /dev/tty; echo code $?", Exit(0), &["/dev/tty"]),
    sh("fills its disk share", "head -c 100000000 /dev/zero > big; echo $?", Exit(0), &["153"]),
    sh(
        "deep folders",
        "i=0; while [ $i -lt 200 ]; do mkdir d && cd d || break; i=$((i+1)); done; echo $i",
        Exit(0),
        &["200"],
    ),
    sh("folder that cannot be read", "mkdir -p a/b; touch a/b/c; chmod 000 a/b; echo made", Exit(0), &["made"]),
    sh("removes its own folder", "rm -rf \"$HOME\" \"$AIOPS_ARTIFACTS\"; echo gone", Exit(0), &["gone"]),
    Row {
        env: &[("LD_PRELOAD", "/tmp/x.so"), ("BASH_ENV", "/tmp/x"), ("FINE", "yes")],
        ..sh("hijacking names", "echo $FINE ${LD_PRELOAD:-none}", Exit(0), &["yes none", "reserved"])
    },
    // What cannot be run.
    sh("empty", " \n\t ", Refused("empty"), &[]),
    Row {
        interpreter: &["/no/such/interpreter"],
        ..sh("no interpreter", "echo x", NotRun("interpreter not found"), &[])
    },
    sh("written on another system", "echo one\r\necho two\r\n", Exit(0), &["one", "two"]),
];
