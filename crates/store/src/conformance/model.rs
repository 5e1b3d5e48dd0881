//! Random operations, compared with a model that is too simple to be wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use time::OffsetDateTime;

use super::{Failure, Outcome, Subject, ensure, key};
use crate::{Error, Item, Key, Prefix, Revision, Write};

/// Operations in one run; a run is decided by its seed.
const OPERATIONS: u64 = 300;
const SEEDS: [u64; 3] = [1, 0xBAD_5EED, 0xDEAD_BEEF];

/// Numbers that look random and are the same each time.
struct Numbers(u64);

/// What should be kept, by key.
#[derive(Default)]
struct Model(BTreeMap<Key, Item>);

impl Numbers {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        // The constants of Knuth's MMIX generator.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

impl Model {
    /// What a conditional change should end with.
    fn check(&self, write: &Write, now: OffsetDateTime) -> Result<(), Error> {
        write.check(self.living(write.key(), now).map(|item| &item.revision))
    }

    fn living(&self, key: &Key, now: OffsetDateTime) -> Option<&Item> {
        self.0.get(key).filter(|item| item.expires.is_none_or(|end| end > now))
    }
}

/// Whatever is done in whatever order, the store and the model agree on each answer and on what is
/// kept.
pub async fn random_operations_match_the_model(s: Subject) -> Outcome {
    for seed in SEEDS {
        let mut numbers = Numbers(seed);
        let mut model = Model::default();
        for item in s.store().range(&Prefix::all()).await?.items {
            s.store().delete(&item.key).await?;
        }
        for operation in 0..OPERATIONS {
            step(&s, &mut model, &mut numbers)
                .await
                .map_err(|f| Failure::new(format!("seed {seed}, operation {operation}: {f:?}")))?;
        }
    }
    Ok(())
}

async fn step(s: &Subject, model: &mut Model, numbers: &mut Numbers) -> Outcome {
    let now = s.clock.now();
    let name = key(&["m", &numbers.below(5).to_string()])?;
    let value = Bytes::from(numbers.below(1000).to_string());
    let expires = (numbers.below(3) == 0).then(|| s.in_seconds(1 + numbers.below(20)));
    let known = model.0.get(&name).map(|item| item.revision.clone());
    let expected = match numbers.below(3) {
        0 => Revision::new("0"),
        _ => known.unwrap_or_else(|| Revision::new("1")),
    };
    let write = match numbers.below(8) {
        0 | 1 => Write::create(name.clone(), value.clone(), expires),
        2 => Write::put(name.clone(), value.clone(), expires),
        3 | 4 => Write::compare_and_swap(name.clone(), expected, value.clone(), expires),
        5 => Write::delete(name.clone()),
        6 => Write::delete_if(name.clone(), expected),
        _ => {
            s.clock.advance(Duration::from_secs(numbers.below(5)));
            if numbers.below(2) == 0 {
                s.store().sweep().await?;
            }
            return agree(s, model).await;
        }
    };
    let deletes = matches!(write.action(), crate::write::Action::Delete);
    let should = model.check(&write, now);
    let did = s.store().write(vec![write.clone()]).await;
    match (&should, &did) {
        (Ok(()), Ok(revisions)) => {
            ensure!(revisions.len() == 1, "{} revisions for one write", revisions.len());
            if deletes {
                model.0.remove(&name);
            } else if let Some(revision) = revisions.first().cloned() {
                model.0.insert(name.clone(), Item { key: name, value, expires, revision });
            }
        }
        (Err(should), Err(did)) => {
            ensure!(
                std::mem::discriminant(should) == std::mem::discriminant(did),
                "{write:?} ended with {did:?} instead of {should:?}"
            );
        }
        _ => ensure!(false, "{write:?} ended with {did:?} instead of {should:?}"),
    }
    agree(s, model).await
}

async fn agree(s: &Subject, model: &Model) -> Outcome {
    let now = s.clock.now();
    let kept = s.store().range(&Prefix::all()).await?.items;
    let should: Vec<&Item> = model.0.keys().filter_map(|key| model.living(key, now)).collect();
    ensure!(kept.iter().eq(should.iter().copied()), "kept {kept:?} instead of {should:?}");
    Ok(())
}
