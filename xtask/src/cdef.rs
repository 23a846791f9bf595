//! Generates `bindings/ffi/bedrock.cdef.h`: the declarations for parsers that know no preprocessor.
//!
//! There are no comments, because pycparser reads none. All constants that fit are enumerators. BEDROCK_STRLEN and
//! BEDROCK_JSON_NOT_FOUND are left out: no enumerator holds SIZE_MAX.

use crate::api::{Api, Group, Macro, Struct};

/// Returns the text of the file.
pub fn generate(api: &Api) -> String {
    let handles = api.handles.iter().map(|handle| format!("typedef struct {0} {0};", handle.name));
    let types = api.types.iter().map(|number| format!("typedef {} {};", number.r#type, number.name));
    let groups = api.constants.iter().map(group);
    let callbacks = api.callbacks.iter().map(|callback| callback.declaration.clone());
    // A struct with a pointer to a function needs the type of the pointer, which may need another struct.
    let has_callback = |structure: &&Struct| structure.fields.iter().any(|field| field.r#type.ends_with("_fn"));
    let (with_callbacks, structs): (Vec<_>, Vec<_>) = api.structs.iter().partition(has_callback);
    let functions = api.functions.iter().map(|function| function.declaration.clone());
    let parts = [
        handles.collect::<Vec<_>>(),
        types.collect(),
        version(&api.macros).into_iter().chain(groups).collect(),
        structs.into_iter().map(structure).collect(),
        callbacks.chain(with_callbacks.into_iter().map(structure)).collect(),
        functions.collect(),
    ];
    parts.map(|part| part.join("\n") + "\n").join("\n")
}

/// The version is a macro in the header, for #if.
fn version(macros: &[Macro]) -> Option<String> {
    let numbers = macros.iter().filter(|constant| constant.value.is_number());
    let lines: Vec<_> = numbers.map(|constant| format!("  {} = {}", constant.name, constant.value)).collect();
    (!lines.is_empty()).then(|| enumeration(&lines))
}

fn group(group: &Group) -> String {
    let lines = group.constants.iter().map(|constant| format!("  {} = {}", constant.name, constant.value));
    enumeration(&lines.collect::<Vec<_>>())
}

fn enumeration(lines: &[String]) -> String {
    format!("enum {{\n{}\n}};", lines.join(",\n"))
}

/// Returns a name behind its type, as C is written: `int32_t type`, `const char *text`.
pub fn declarator(r#type: &str, name: &str) -> String {
    let space = if r#type.ends_with('*') { "" } else { " " };
    format!("{type}{space}{name}")
}

/// Returns the typedef of a struct.
pub fn structure(structure: &crate::api::Struct) -> String {
    let fields = structure.fields.iter().map(|field| {
        let count = field.count.map(|count| format!("[{count}]")).unwrap_or_default();
        format!("  {}{count};\n", declarator(&field.r#type, &field.name))
    });
    let name = &structure.name;
    format!("typedef struct {name} {{\n{}}} {name};", fields.collect::<String>())
}
