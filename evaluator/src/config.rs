//! A compiled environment.
//!
//! A config never changes. A change makes a new one that shares every unchanged flag with the old, so that an edge
//! swaps one pointer, and requests under way finish on what they began with.

use std::sync::Arc;

use jiff::Timestamp;

use crate::condition::Compiler;
use crate::context::Context;
use crate::evaluation::{ErrorCode, Evaluation, Reason};
use crate::flag::{Body, Flag, Needs, Segment};
use crate::model::{EnvironmentDefinition, FlagDefinition, SegmentDefinition, ValueType};
use crate::names::{FlagSlot, Links, SegmentSlot};
use crate::problem::{Defect, Problem, ProblemKind};
use crate::run::{Run, Untraced};
use crate::wire::ObjectKind;

/// A compiled environment. Immutable; share it in an [`Arc`].
#[derive(Debug)]
pub struct Config {
    id: Box<str>,
    salt: Box<str>,
    position: Box<str>,
    links: Links,
    /// By slot; empty where a key is only referred to, or its flag is gone.
    flags: Vec<Option<Arc<Flag>>>,
    segments: Vec<Option<Arc<Segment>>>,
    /// The slots that have a flag, in the order of their keys.
    order: Arc<[FlagSlot]>,
}

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

/// A flag of a config, found already.
#[derive(Debug, Clone, Copy)]
pub struct FlagHandle<'c> {
    flag: &'c Flag,
    slot: FlagSlot,
}

impl<'c> FlagHandle<'c> {
    /// The flag's key.
    pub fn key(&self) -> &'c str {
        &self.flag.key
    }

    /// What its values are.
    pub fn kind(&self) -> ValueType {
        self.flag.kind
    }

    /// Whether client-side keys may see it.
    pub fn client_side(&self) -> bool {
        self.flag.client_side
    }

    /// A number that names the flag in this config and in every one recompiled from it.
    pub fn index(&self) -> usize {
        self.slot.0
    }
}

impl Config {
    /// Compiles an environment. What cannot be compiled is reported and answers with an error; everything else
    /// works.
    pub fn compile(definition: &EnvironmentDefinition) -> (Self, Vec<Defect>) {
        let empty = Self {
            id: definition.id.as_str().into(),
            salt: definition.salt.as_str().into(),
            position: definition.position.as_str().into(),
            links: Links::default(),
            flags: Vec::new(),
            segments: Vec::new(),
            order: Arc::default(),
        };
        let mut twice = Vec::new();
        let mut first = |object, seen: &mut rustc_hash::FxHashSet<String>, key: &String| {
            let new = seen.insert(key.clone());
            if !new {
                twice.push(Defect::new(object, key, ProblemKind::DuplicateKey));
            }
            new
        };
        let (mut flag_keys, mut segment_keys) = Default::default();
        let flags: Vec<Change<'_>> = definition
            .flags
            .iter()
            .filter(|flag| first(ObjectKind::Flag, &mut flag_keys, &flag.key))
            .map(Change::PutFlag)
            .collect();
        let segments: Vec<Change<'_>> = definition
            .segments
            .iter()
            .filter(|segment| first(ObjectKind::Segment, &mut segment_keys, &segment.key))
            .map(Change::PutSegment)
            .collect();
        let changes = segments.into_iter().chain(flags);
        let (config, mut defects) = empty.recompile(&definition.position, changes);
        defects.extend(twice);
        (config, defects)
    }

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
                    put(&mut segments, slot.0, Some(Arc::new(Segment::compile(segment, &mut compiler))));
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
        if changed.flags.iter().any(|slot| present(&self.flags, *slot) != present(&config.flags, *slot)) {
            config.order = config.sorted();
        }
        config.report_missing(&mut changed, &mut defects);
        (config, defects)
    }

    /// The commit this config corresponds to, a decimal string.
    pub fn position(&self) -> &str {
        &self.position
    }

    /// The environment's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Every flag, in the order of their keys.
    pub fn flags(&self) -> impl ExactSizeIterator<Item = FlagHandle<'_>> {
        self.order.iter().map(|slot| {
            let flag = self.flag_at(*slot).expect("the order names only slots that have a flag");
            FlagHandle { flag, slot: *slot }
        })
    }

    /// A flag by its key.
    pub fn flag(&self, key: &str) -> Option<FlagHandle<'_>> {
        let slot = self.slot(key)?;
        self.flag_at(slot).map(|flag| FlagHandle { flag, slot })
    }

    /// Which variation of a flag a context gets.
    #[inline]
    pub fn evaluate(&self, flag: &str, context: &Context, now: Timestamp) -> Evaluation<'_> {
        match self.slot(flag) {
            Some(slot) => self.evaluate_slot(slot, context, now),
            None => self.error(ErrorCode::FlagNotFound),
        }
    }

    /// The same for a flag that was found already. Handles of another config are answered by their number.
    pub fn evaluate_at(
        &self,
        flag: FlagHandle<'_>,
        context: &Context,
        now: Timestamp,
    ) -> Evaluation<'_> {
        self.evaluate_slot(flag.slot, context, now)
    }

    /// Every flag with its answer, in the order of their keys.
    pub fn evaluate_all<'c, 'x>(
        &'c self,
        context: &'x Context,
        now: Timestamp,
    ) -> impl ExactSizeIterator<Item = (FlagHandle<'c>, Evaluation<'c>)> + use<'c, 'x> {
        self.flags().map(move |flag| (flag, self.evaluate_at(flag, context, now)))
    }

    /// The answer when there is none, with this config's position.
    pub fn error(&self, code: ErrorCode) -> Evaluation<'_> {
        Evaluation {
            value: None,
            variation: None,
            variation_index: None,
            reason: Reason::Error,
            error: Some(code),
            rule: None,
            position: &self.position,
        }
    }

    /// Answers what needs no context at once; most flags of most environments are so.
    #[inline]
    fn evaluate_slot(&self, slot: FlagSlot, context: &Context, now: Timestamp) -> Evaluation<'_> {
        if let Some(flag) = self.flag_at(slot)
            && let Ok(body) = &flag.body
            && let Some((variation, reason)) = body.fixed
        {
            return self.answer(body, variation, reason, None);
        }
        Run::new(self, context, now, Untraced).evaluate(slot)
    }

    #[inline]
    pub(crate) fn answer<'c>(
        &'c self,
        body: &'c Body,
        variation: usize,
        reason: Reason,
        rule: Option<&'c str>,
    ) -> Evaluation<'c> {
        let served = &body.variations[variation];
        Evaluation {
            value: Some(&served.value),
            variation: Some(&served.key),
            variation_index: Some(variation),
            reason,
            error: None,
            rule,
            position: &self.position,
        }
    }

    #[inline]
    pub(crate) fn slot(&self, flag: &str) -> Option<FlagSlot> {
        self.links.flags.get(flag).map(FlagSlot)
    }

    #[inline]
    pub(crate) fn flag_at(&self, slot: FlagSlot) -> Option<&Flag> {
        self.flags.get(slot.0)?.as_deref()
    }

    #[inline]
    pub(crate) fn segment_at(&self, slot: SegmentSlot) -> Option<&Segment> {
        self.segments.get(slot.0)?.as_deref()
    }

    pub(crate) fn flag_key(&self, slot: FlagSlot) -> &str {
        self.links.flags.key(slot.0)
    }

    pub(crate) fn segment_key(&self, slot: SegmentSlot) -> &str {
        self.links.segments.key(slot.0)
    }

    fn sorted(&self) -> Arc<[FlagSlot]> {
        let mut slots: Vec<FlagSlot> =
            (0..self.flags.len()).map(FlagSlot).filter(|slot| self.flag_at(*slot).is_some()).collect();
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

    fn missing(&self, needs: &Needs, whole: bool, changed: &Changed, mut report: impl FnMut(ProblemKind)) {
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
    fn new(object: ObjectKind, key: &str, kind: ProblemKind) -> Self {
        Self { object, key: key.to_owned(), problem: Problem { pointer: String::new(), kind } }
    }

    fn collect(defects: &mut Vec<Self>, object: ObjectKind, key: &str, compiler: &mut Compiler) {
        let problems = std::mem::take(&mut compiler.problems.0);
        defects.extend(problems.into_iter().map(|problem| Self { object, key: key.to_owned(), problem }));
    }
}
