//! Storage of live templates: slots that are used again, with references that notice it.

use super::hash::KeyMap;
use super::template::{Entry, TemplateId};

/// Reference to a slot; stale once the slot was freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ref {
    slot: u32,
    generation: u32,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    generation: u32,
    entry: Option<Box<Entry>>,
}

/// Live templates by reference and by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_id: KeyMap<Ref>,
}

impl Slots {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    #[inline]
    pub(crate) fn get(&self, reference: Ref) -> Option<&Entry> {
        let slot = self.slots.get(reference.slot as usize)?;
        if slot.generation == reference.generation { slot.entry.as_deref() } else { None }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, reference: Ref) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(reference.slot as usize)?;
        if slot.generation == reference.generation { slot.entry.as_deref_mut() } else { None }
    }

    pub(crate) fn find(&self, id: TemplateId) -> Option<Ref> {
        self.by_id.get(&id.0).copied()
    }

    /// Stores an entry. An entry with the same id is replaced.
    pub(crate) fn insert(&mut self, entry: Entry) -> Ref {
        if let Some(old) = self.find(entry.template.id) {
            self.remove(old);
        }
        let id = entry.template.id.0;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let place = &mut self.slots[slot as usize];
        place.entry = Some(Box::new(entry));
        let reference = Ref { slot, generation: place.generation };
        self.by_id.insert(id, reference);
        reference
    }

    pub(crate) fn remove(&mut self, reference: Ref) -> Option<Entry> {
        let slot = self.slots.get_mut(reference.slot as usize)?;
        if slot.generation != reference.generation {
            return None;
        }
        let entry = slot.entry.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(reference.slot);
        self.by_id.remove(&entry.template.id.0);
        Some(*entry)
    }

    /// Live entries in slot order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Ref, &Entry)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let reference = Ref { slot: index as u32, generation: slot.generation };
            slot.entry.as_deref().map(|entry| (reference, entry))
        })
    }

    /// Live references in slot order, with their entries to change.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.slots.iter_mut().filter_map(|slot| slot.entry.as_deref_mut())
    }
}
