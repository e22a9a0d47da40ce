//! The rules that reading a spec can break: files, syntax and shape.

use crate::diagnostic::{Rule, Severity};

macro_rules! rules {
    ($($(#[$doc:meta])* $id:ident = $code:literal $name:literal, $docs:literal;)*) => {
        $($(#[$doc])* pub static $id: Rule = Rule { code: $code, name: $name, severity: Severity::Error, docs: $docs };)*
        /// Every rule of this stage.
        pub static RULES: &[&Rule] = &[$(&$id),*];
    };
}

rules! {
    /// A file cannot be read.
    UNREADABLE = "LLMC-F001" "unreadable-file",
    "A file that the command or the spec names does not exist or cannot be read.\n\n\
     Paths in a spec are relative to the folder that holds it, with `/` between folders.";
    /// Something that is not a plain file.
    NOT_A_FILE = "LLMC-F002" "special-file",
    "A pipe, socket, device or folder stands where a plain file is expected.\n\n\
     Reading a pipe would block a CI job until its time is up, so only plain files are read.";
    /// Over the size limit.
    TOO_LARGE = "LLMC-F003" "oversized-file",
    "A spec or a file beside it is larger than 1 MiB.\n\n\
     A stack is a few kilobytes. A file of this size is a mistake, or an attack on the CI job \
     that parses it. A prompt above 1 MiB would not fit a ConfigMap either.";
    /// Not UTF-8.
    NOT_UTF8 = "LLMC-F004" "not-utf8",
    "A file is not UTF-8.\n\nSave it as UTF-8: `iconv -f EUC-KR -t UTF-8 old.md > new.md`.";
    /// Hidden control characters.
    CONTROL_CHARACTER = "LLMC-F005" "control-character",
    "A file holds a NUL, another control character, or a bidirectional control character.\n\n\
     Bidirectional controls make a reviewer read something else than the compiler does \
     (CVE-2021-42574, \"Trojan Source\"). Delete the character at the place shown; in a KDL or YAML \
     string an escape such as `\\u{200F}` says the same visibly.";
    /// A path that leaves the stack's folder.
    OUTSIDE = "LLMC-F006" "path-outside-stack",
    "A spec names a file outside its own folder: an absolute path, `..`, or a symbolic link.\n\n\
     Specs arrive in pull requests. A path that leaves the folder could copy any file that the CI \
     job can read into a public manifest. Move the file into the stack's folder.";
    /// The text is not KDL or YAML.
    SYNTAX = "LLMC-S001" "syntax-error",
    "The spec is not well-formed KDL 2 or YAML.\n\n\
     In KDL 2, `true`, `false` and `null` are written `#true`, `#false` and `#null`, and strings that \
     are not plain words need double quotes.";
    /// A field that does not exist.
    UNKNOWN_FIELD = "LLMC-S002" "unknown-field",
    "A field or block that the spec does not know.\n\n\
     Nothing is ignored silently: a misspelt field would otherwise leave a default in place that \
     nobody chose. `llmc schema` lists every field.";
    /// A field given twice.
    DUPLICATE = "LLMC-S003" "duplicate-field",
    "A field, or a name in a map, is given twice.\n\n\
     Readers disagree on which of two values wins, so neither does. Keep one.";
    /// A value of the wrong type.
    WRONG_TYPE = "LLMC-S004" "wrong-type",
    "A value has the wrong type: a string for a number, a block for a value, too many arguments.\n\n\
     Nothing is converted silently: `max-num-seqs \"64\"` is refused, because a typing mistake in a \
     string would otherwise reach the engine. Numbers stand without quotes, and whole numbers without \
     a point. The field decides the type, so a YAML tag (`!!str 1`) and a KDL type annotation \
     (`(u8)1`) are refused too.";
    /// A required field is missing.
    MISSING_FIELD = "LLMC-S005" "missing-field",
    "A block lacks a field that has no default.\n\n\
     A default exists only where one is right for nearly everybody; `llmc schema` lists them. What \
     decides memory, cost or safety has to be said.";
    /// A number or text outside its range.
    OUT_OF_RANGE = "LLMC-S006" "value-out-of-range",
    "A number lies outside the range that its field allows, or a text does not have the form that \
     it must have.\n\nThe message names the bound or the form; `llmc schema` has them for every field.";
    /// Not one of the choices.
    UNKNOWN_CHOICE = "LLMC-S007" "unknown-choice",
    "A field that takes one of a few words has another one.\n\n\
     The message lists the words. A word that the engine knows and llmc does not is refused too, \
     because nothing could be checked about it.";
    /// A block that a later version will have.
    NOT_BUILT = "LLMC-S008" "block-not-built",
    "A block of the language that this version of llmc does not compile yet.\n\n\
     It is refused rather than ignored: a guardrail or an experiment that is declared and not \
     compiled would be worse than none. Remove the block, or wait for the version that has it.";
    /// Nested too deeply, or too many blocks.
    TOO_DEEP = "LLMC-S009" "too-deep",
    "The spec nests deeper than 64 levels, has more than 4,096 blocks, or uses YAML aliases that \
     expand beyond the same limits.\n\nNo real stack comes near; such input is made to exhaust the parser.";
    /// No stack found.
    NO_STACK = "LLMC-S010" "no-stack",
    "A spec file holds no `stack` block, or more than one.\n\n\
     One file declares one stack: `stack \"name\" { … }` in KDL, `stack: name` in YAML.";
}
