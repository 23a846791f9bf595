//! The sizes and offsets of structs on 64-bit systems. `tests/api.rs` compares them with those of the C compiler.

use crate::chapters::Member;

/// Where a member is.
pub struct Place {
    pub offset: usize,
    pub size: usize,
}

/// A struct's places, in the order of its members.
pub struct Layout {
    pub size: usize,
    pub align: usize,
    pub places: Vec<Place>,
}

pub fn of(members: &[Member]) -> Layout {
    let (mut end, mut align) = (0_usize, 1);
    let places = members.iter().map(|member| {
        let (element, count) = (size_of_type(&member.r#type), member.count.unwrap_or(1));
        let offset = end.next_multiple_of(element);
        end = offset + element * count;
        align = align.max(element);
        Place { offset, size: element * count }
    });
    let places = places.collect();
    Layout { size: end.next_multiple_of(align), align, places }
}

/// Returns the size of a number or pointer, which is its alignment too.
fn size_of_type(r#type: &str) -> usize {
    match r#type {
        pointer if pointer.ends_with('*') || pointer.ends_with("_fn") => 8,
        "int32_t" | "uint32_t" | "float" => 4,
        "int64_t" | "uint64_t" | "size_t" | "double" => 8,
        other => panic!("the size of {other} is not known here"),
    }
}
