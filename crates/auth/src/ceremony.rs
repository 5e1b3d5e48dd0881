//! Questions to security keys that wait for an answer. Each is answered once, within [`LIFE`], and where it
//! was asked.

use api::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::Duration;

use crate::core::Core;
use crate::webauthn::{Asserting, MAX_ANSWER, Registering};
use crate::{fault, keys};

/// How long a person may take to answer.
const LIFE: Duration = Duration::minutes(10);

/// A question that waits.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ceremony {
    /// Where it was asked: a text that only that page's visitor knows, hashed.
    scope: String,
    /// Whose key is asked, when that is known.
    pub(crate) user: Option<String>,
    pub(crate) question: Question,
}

/// What is asked.
#[derive(Serialize, Deserialize)]
pub(crate) enum Question {
    Register(Registering),
    Assert(Asserting),
}

/// What the browser says it was asked (section 5.8.1), as far as it is looked at before it is verified.
#[derive(Deserialize)]
struct ClientData {
    challenge: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<String>,
}

/// Keeps a question for who is at the page that `scope` names.
pub(crate) async fn ask(
    core: &Core,
    scope: &str,
    user: Option<&str>,
    options: &Value,
    question: Question,
) -> Result<(), Error> {
    let challenge = options.get("challenge").and_then(Value::as_str);
    let challenge = challenge.ok_or_else(|| Error::internal("a question without a challenge"))?;
    let ceremony =
        Ceremony { scope: keys::digest(&[scope]), user: user.map(str::to_owned), question };
    let value = Bytes::from(serde_json::to_vec(&ceremony).map_err(Error::internal)?);
    let expires = core.clock.now() + LIFE;
    let kept = core.records.store().create(&keys::ceremony(challenge)?, value, Some(expires)).await;
    kept.map(drop).map_err(|error| fault::store(&error))
}

/// Takes the question that a key answered: of all answers, one gets it.
pub(crate) async fn take(core: &Core, scope: &str, answer: &Value) -> Result<Ceremony, Error> {
    let data = client_data(answer)?;
    // A page in another's frame may have had the person touch the key for something else.
    if data.cross_origin || data.top_origin.is_some() {
        return Err(Error::denied("the key was asked within a page of somebody else"));
    }
    let key = keys::ceremony(&data.challenge)?;
    let store = core.records.store();
    let item = match store.get(&key).await {
        Ok(item) => item,
        Err(store::Error::NotFound { .. }) => return Err(over()),
        Err(error) => return Err(fault::store(&error)),
    };
    let ceremony: Ceremony = serde_json::from_slice(&item.value).map_err(Error::internal)?;
    if ceremony.scope != keys::digest(&[scope]) {
        return Err(over());
    }
    match store.delete_if(&key, &item.revision).await {
        Ok(()) => Ok(ceremony),
        Err(store::Error::NotFound { .. } | store::Error::Conflict { .. }) => Err(over()),
        Err(error) => Err(fault::store(&error)),
    }
}

fn client_data(answer: &Value) -> Result<ClientData, Error> {
    let unreadable = || Error::invalid("the key's answer cannot be read");
    let text = answer.pointer("/response/clientDataJSON").and_then(Value::as_str);
    let text = text.filter(|text| text.len() <= MAX_ANSWER).ok_or_else(unreadable)?;
    let bytes =
        URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).map_err(|_error| unreadable())?;
    serde_json::from_slice(&bytes).map_err(|_error| unreadable())
}

/// Answered, expired, or asked elsewhere: nobody is told which.
fn over() -> Error {
    Error::invalid("the question to the key was answered already, or is too old; try again")
}
