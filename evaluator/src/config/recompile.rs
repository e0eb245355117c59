//! A config from the one before it and what changed.

use std::sync::Arc;

use super::Config;
use crate::condition::Compiler;
use crate::flag::{Flag, Needs, Segment};
use crate::model::{FlagDefinition, SegmentDefinition};
use crate::names::{FlagSlot, SegmentSlot};
use crate::problem::{Defect, Problem, ProblemKind};
use crate::wire::ObjectKind;

/// A change of one object of an environment.
#[derive(Debug, Clone, Copy)]
pub enum Change<'d> {
    /// A flag is new or other than before.
    PutFlag(&'d FlagDefinition),
    /// The flag with this key is gone.
    RemoveFlag(&'d str),
    /// A segment is new or other than before.
    PutSegment(&'d SegmentDefinition),
    /// The segment with this key is gone.
    RemoveSegment(&'d str),
}

impl Config {
    /// Compiles what changed and shares the rest. Reports the defects of what changed, and references to what was
    /// removed. The environment's id and salt stay: they never change in an environment's life.
    pub fn recompile<'d>(
        &self,
        position: &str,
        changes: impl IntoIterator<Item = Change<'d>>,
    ) -> (Self, Vec<Defect>) {
        let mut defects = Vec::new();
        let mut changed = Changed::default();
        let mut links = self.links.clone();
        let (mut flags, mut segments) = (self.flags.clone(), self.segments.clone());
        for change in changes {
            let mut compiler = Compiler::with_links(std::mem::take(&mut links));
            match change {
                Change::PutFlag(flag) => {
                    let slot = compiler.links.flag(&flag.key);
                    let compiled = Arc::new(Flag::compile(flag, &self.salt, &mut compiler));
                    put(&mut flags, slot.0, Some(compiled));
                    changed.flags.push(slot);
                    Defect::collect(&mut defects, ObjectKind::Flag, &flag.key, &mut compiler);
                }
                Change::PutSegment(segment) => {
                    let slot = compiler.links.segment(&segment.key);
                    put(
                        &mut segments,
                        slot.0,
                        Some(Arc::new(Segment::compile(segment, &mut compiler))),
                    );
                    changed.segments.push(slot);
                    Defect::collect(&mut defects, ObjectKind::Segment, &segment.key, &mut compiler);
                }
                Change::RemoveFlag(key) => {
                    if let Some(slot) = compiler.links.flags.get(key) {
                        put(&mut flags, slot, None);
                        changed.flags.push(FlagSlot(slot));
                    }
                }
                Change::RemoveSegment(key) => {
                    if let Some(slot) = compiler.links.segments.get(key) {
                        put(&mut segments, slot, None);
                        changed.segments.push(SegmentSlot(slot));
                    }
                }
            }
            links = compiler.links;
        }
        flags.resize(links.flags.len(), None);
        segments.resize(links.segments.len(), None);
        let mut config = Self {
            id: self.id.clone(),
            salt: self.salt.clone(),
            position: position.into(),
            links,
            flags,
            segments,
            order: Arc::clone(&self.order),
        };
        let present = |flags: &[Option<Arc<Flag>>], slot: FlagSlot| {
            flags.get(slot.0).is_some_and(Option::is_some)
        };
        if changed
            .flags
            .iter()
            .any(|slot| present(&self.flags, *slot) != present(&config.flags, *slot))
        {
            config.order = config.sorted();
        }
        config.report_missing(&mut changed, &mut defects);
        (config, defects)
    }

    fn sorted(&self) -> Arc<[FlagSlot]> {
        let mut slots: Vec<FlagSlot> = (0..self.flags.len())
            .map(FlagSlot)
            .filter(|slot| self.flag_at(*slot).is_some())
            .collect();
        slots.sort_unstable_by_key(|slot| self.flag_key(*slot));
        slots.into()
    }

    /// Reports references to missing objects, where either side changed.
    fn report_missing(&self, changed: &mut Changed, defects: &mut Vec<Defect>) {
        changed.sort();
        for (index, flag) in self.flags.iter().enumerate() {
            if let Some(flag) = flag {
                let whole = changed.flags.binary_search(&FlagSlot(index)).is_ok();
                self.missing(&flag.needs, whole, changed, |kind| {
                    defects.push(Defect::new(ObjectKind::Flag, &flag.key, kind));
                });
            }
        }
        for (index, segment) in self.segments.iter().enumerate() {
            if let Some(segment) = segment {
                let whole = changed.segments.binary_search(&SegmentSlot(index)).is_ok();
                self.missing(&segment.needs, whole, changed, |kind| {
                    let key = self.segment_key(SegmentSlot(index));
                    defects.push(Defect::new(ObjectKind::Segment, key, kind));
                });
            }
        }
    }

    fn missing(
        &self,
        needs: &Needs,
        whole: bool,
        changed: &Changed,
        mut report: impl FnMut(ProblemKind),
    ) {
        for slot in &needs.flags {
            let new = whole || changed.flags.binary_search(slot).is_ok();
            if new && self.flag_at(*slot).is_none() {
                report(ProblemKind::UnknownFlag { key: self.flag_key(*slot).to_owned() });
            }
        }
        for slot in &needs.segments {
            let new = whole || changed.segments.binary_search(slot).is_ok();
            if new && self.segment_at(*slot).is_none() {
                report(ProblemKind::UnknownSegment { key: self.segment_key(*slot).to_owned() });
            }
        }
    }
}

/// The slots that a recompilation touched.
#[derive(Default)]
struct Changed {
    flags: Vec<FlagSlot>,
    segments: Vec<SegmentSlot>,
}

impl Changed {
    fn sort(&mut self) {
        self.flags.sort_unstable();
        self.segments.sort_unstable();
    }
}

fn put<T>(slots: &mut Vec<Option<Arc<T>>>, slot: usize, object: Option<Arc<T>>) {
    if slots.len() <= slot {
        slots.resize_with(slot + 1, || None);
    }
    slots[slot] = object;
}

impl Defect {
    pub(super) fn new(object: ObjectKind, key: &str, kind: ProblemKind) -> Self {
        Self { object, key: key.to_owned(), problem: Problem { pointer: String::new(), kind } }
    }

    fn collect(defects: &mut Vec<Self>, object: ObjectKind, key: &str, compiler: &mut Compiler) {
        let problems = std::mem::take(&mut compiler.problems.0);
        defects.extend(problems.into_iter().map(|problem| Self {
            object,
            key: key.to_owned(),
            problem,
        }));
    }
}
