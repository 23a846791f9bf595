//! bindings/ffi/api.json and bindings/ffi/bedrock.cdef.h: generated from `src/ffi`, committed, and true.
//!
//! `cargo xtask api` writes both again. A C compiler checks the sizes, offsets, values and types of api.json; the parsers
//! of other languages check bedrock.cdef.h; the library itself checks what is said about NULL.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use xtask::chapters::{self, Declaration};
use xtask::doc::Block;
use xtask::{api, cdef, opening};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("api");
    std::fs::create_dir_all(&dir).expect("a scratch folder under target/tmp");
    dir.join(name)
}

fn library() -> PathBuf {
    std::env::current_exe().expect("this test's path").with_file_name("libbedrock.so")
}

/// The committed api.json.
fn committed() -> Value {
    serde_json::from_str(&read("bindings/ffi/api.json")).expect("api.json is JSON")
}

/// The entries of a member of api.json.
fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value[member].as_array().map(Vec::as_slice).unwrap_or_else(|| panic!("api.json has no {member}"))
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member} in {value}"))
}

fn names(values: &[Value]) -> Vec<&str> {
    values.iter().map(|value| text(value, "name")).collect()
}

#[test]
fn the_committed_files_match_the_source() {
    let api = api::read(root()).unwrap_or_else(|flaws| panic!("{}", flaws.join("\n")));
    for (file, generated) in
        [("bindings/ffi/api.json", api::generate(&api)), ("bindings/ffi/bedrock.cdef.h", cdef::generate(&api))]
    {
        let committed = read(file);
        let differs =
            committed.lines().zip(generated.lines()).position(|(committed, generated)| committed != generated);
        let line = differs.map_or(String::new(), |line| format!(" at line {}", line + 1));
        assert!(committed == generated, "{file} has drifted{line}; cargo xtask api writes it again");
    }
}

/// The header and api.json declare the same, and neither forgets one.
#[test]
fn every_declaration_is_in_both_files() {
    let api = committed();
    let cdef = read("bindings/ffi/bedrock.cdef.h");
    let mut listed: Vec<_> = ["handles", "types", "macros", "structs", "callbacks", "functions"]
        .into_iter()
        .flat_map(|member| names(list(&api, member)))
        .collect();
    listed.extend(list(&api, "constants").iter().flat_map(|group| names(list(group, "constants"))));
    listed.sort_unstable();
    let declared = chapters::read(root()).into_iter().flat_map(|chapter| chapter.items);
    let mut declared: Vec<_> = declared.map(|item| (item.name, item.declaration)).collect();
    declared.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(listed, declared.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    for (name, declaration) in &declared {
        let is_left_out = matches!(declaration, Declaration::Macro { value } if value == "SIZE_MAX");
        let is_there = cdef.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
        assert_eq!(is_there, !is_left_out, "{name} in bedrock.cdef.h");
    }
}

#[test]
fn ownership_that_cannot_be_read_is_found() {
    let is_flawed_without = |function: &str, label: &str| {
        let mut chapters = chapters::read(root());
        let items = chapters.iter_mut().flat_map(|chapter| &mut chapter.items);
        let item = items.into_iter().find(|item| item.name == function).expect("a function");
        for block in &mut item.doc.blocks {
            if let Block::List(entries) = block {
                entries.retain(|(name, _)| name != label);
            }
        }
        api::from(&opening::read(root()), &chapters, "0.1.0").is_err()
    };
    let documented = [
        "bedrock_model_new",
        "bedrock_error_message",
        "bedrock_stream_next",
        "bedrock_stream_fd",
        "bedrock_waitset_wait",
        "bedrock_response_tool_call",
        "bedrock_json_raw",
        "bedrock_request_attach",
        "bedrock_stream_free",
    ];
    for function in documented {
        assert!(!is_flawed_without(function, "AWS"), "{function}");
        assert!(is_flawed_without(function, "Ownership"), "{function}");
    }
}

/// A C program that compiles only if api.json is true.
fn assertions(api: &Value) -> String {
    let mut code = String::from("#include \"bedrock.h\"\n");
    let mut holds = |condition: String| code += &format!("_Static_assert({condition}, \"api.json\");\n");
    for structure in list(api, "structs") {
        let name = text(structure, "name");
        holds(format!("sizeof({name}) == {}", structure["size"]));
        holds(format!("_Alignof({name}) == {}", structure["align"]));
        for field in list(structure, "fields") {
            let (member, r#type) = (text(field, "name"), text(field, "type"));
            let count = field["count"].as_u64().map(|count| format!("[{count}]")).unwrap_or_default();
            holds(format!("offsetof({name}, {member}) == {}", field["offset"]));
            holds(format!("sizeof((({name} *)0)->{member}) == {}", field["size"]));
            holds(format!("_Generic(&(({name} *)0)->{member}, {type} (*){count}: 1, default: 0)"));
        }
    }
    for group in list(api, "constants") {
        for constant in list(group, "constants") {
            holds(format!("{} == {}", text(constant, "name"), constant["value"]));
        }
    }
    for constant in list(api, "macros") {
        let (name, r#type) = (text(constant, "name"), text(constant, "type"));
        holds(format!("{name} == {}", constant["value"].as_str().map_or(constant["value"].to_string(), str::to_owned)));
        holds(format!("_Generic({name}, {type}: 1, default: 0)"));
    }
    for number in list(api, "types") {
        holds(format!("_Generic(({})0, {}: 1, default: 0)", text(number, "name"), text(number, "type")));
    }
    for callback in list(api, "callbacks") {
        let (name, returns) = (text(callback, "name"), text(callback, "returns"));
        holds(format!("_Generic(({name})0, {returns} (*)({}): 1, default: 0)", types(callback)));
    }
    for function in list(api, "functions") {
        let (name, returns) = (text(function, "name"), text(&function["returns"], "type"));
        holds(format!("_Generic(&{name}, {returns} (*)({}): 1, default: 0)", types(function)));
    }
    code
}

/// The types of all parameters, as in a prototype.
fn types(function: &Value) -> String {
    let types: Vec<_> = list(function, "parameters").iter().map(|parameter| text(parameter, "type")).collect();
    if types.is_empty() { "void".to_owned() } else { types.join(", ") }
}

fn compile(name: &str, code: &str) -> Option<bool> {
    let source = scratch(name);
    std::fs::write(&source, code).expect("a source file");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"]).arg(root().join("include"));
    match compiler.arg(&source).output() {
        Err(error) => {
            println!("skipped: cc: {error}");
            None
        }
        Ok(output) => {
            if !output.status.success() {
                println!("{}", String::from_utf8_lossy(&output.stderr));
            }
            Some(output.status.success())
        }
    }
}

#[test]
fn the_c_compiler_agrees_with_every_size_offset_value_and_type() {
    let api = committed();
    assert_ne!(compile("true.c", &assertions(&api)), Some(false));
    // Each kind of statement is really checked.
    for (pointer, wrong) in [
        ("/structs/0/size", Value::from(81)),
        ("/structs/0/fields/4/offset", Value::from(24)),
        ("/structs/0/fields/4/type", Value::from("char *")),
        ("/constants/0/constants/2/value", Value::from(3)),
        ("/macros/1/value", Value::from(9)),
        ("/callbacks/0/returns", Value::from("int64_t")),
        ("/functions/5/parameters/0/type", Value::from("bedrock_error *")),
        ("/functions/5/returns/type", Value::from("char *")),
    ] {
        let mut wrong_api = api.clone();
        *wrong_api.pointer_mut(pointer).unwrap_or_else(|| panic!("api.json has no {pointer}")) = wrong;
        assert_ne!(compile("wrong.c", &assertions(&wrong_api)), Some(true), "{pointer} is not checked");
    }
}

/// Runs a script of `tests/api` with bedrock.cdef.h, api.json and the library as arguments.
fn script(interpreter: &str, probe: &[&str], script: &str) {
    match Command::new(interpreter).args(probe).output() {
        Ok(output) if output.status.success() => {}
        _ => return println!("skipped: {interpreter} {}: not installed", probe.join(" ")),
    }
    let files = ["tests/api", "bindings/ffi/bedrock.cdef.h", "bindings/ffi/api.json"].map(|file| root().join(file));
    let mut command = Command::new(interpreter);
    command.arg(files[0].join(script)).args(&files[1..]).arg(library()).env("AWS_EC2_METADATA_DISABLED", "true");
    let output = command.output().expect("an interpreter that was just there");
    let printed = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{printed}", output.status);
}

#[test]
fn cffi_reads_the_declarations_as_the_c_compiler_does() {
    script("python3", &["-c", "import cffi"], "cffi_reads.py");
}

#[test]
fn pycparser_reads_the_declarations_without_a_preprocessor() {
    script("python3", &["-c", "import pycparser"], "pycparser_reads.py");
}

#[test]
fn luajit_reads_the_declarations_as_the_c_compiler_does() {
    script("luajit", &["-v"], "luajit_reads.lua");
}

#[test]
fn php_reads_the_declarations_as_the_c_compiler_does() {
    script("php", &["-r", "FFI::cdef('');"], "php_reads.php");
}

/// A pointer that must not be NULL is refused, and one that may be NULL is not.
#[test]
fn null_is_refused_exactly_where_the_description_refuses_it() {
    script("python3", &["-c", "import ctypes"], "null.py");
}
