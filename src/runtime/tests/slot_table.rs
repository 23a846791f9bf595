//! Tests of the table whose keys go stale.

use super::super::fork::Rank;
use super::super::slot_table::{Key, Limits, Slots};

fn table(generations: u32, first_generation: fn() -> u32) -> Slots<()> {
    Slots::new(Rank::Handles, Limits { indexes: 2, generations, first_generation })
}

fn insert(table: &Slots<()>) -> Option<Key> {
    table.insert(1, |_, _| {})
}

#[test]
fn a_slot_is_used_once_in_each_generation_whichever_is_the_first() {
    let firsts: [fn() -> u32; 3] = [|| 0, || 1, || 3];
    for first in firsts {
        let table = table(4, first);
        let keys: Vec<_> = (0..8).map(|_| insert(&table).map(|key| table.remove(key, |_| key).unwrap())).collect();
        for (number, key) in keys.iter().flatten().enumerate() {
            assert_eq!((key.index, key.generation), (number as u32 / 4, (first() + number as u32) % 4));
            assert!(table.get(*key).is_none() && !table.raise(*key), "{key:?} was removed");
        }
        assert!(keys.iter().all(Option::is_some) && insert(&table).is_none());
    }
}

#[test]
fn a_key_with_another_tag_or_generation_is_stale() {
    let table = table(1 << 22, || 7);
    let key = insert(&table).unwrap();
    for stale in [Key { tag: 2, ..key }, Key { generation: 8, ..key }, Key { index: 1, ..key }] {
        assert!(table.get(stale).is_none() && table.remove(stale, |_| ()).is_none() && !table.raise(stale));
    }
    assert!(table.raise(key) && !table.raise(key) && table.is_raised(key) && table.get(key).is_some());
    assert_eq!(table.live()[1], 1);
    table.remove(key, |_| ()).unwrap();
    assert_eq!(table.live()[1], 0);
}
