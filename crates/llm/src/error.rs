//! What can go wrong before a model is asked: names, keys, addresses, prices, scripts and recordings.

use std::path::PathBuf;

use protocol::ScriptError;

/// A model can't be had as configured. What goes wrong while it is asked is [`protocol::ModelError`].
#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    /// Nobody knows this model.
    #[error(
        "find the model `{given}` (write `vendor:name`, with a vendor of {vendors}, or `none`)"
    )]
    UnknownModel {
        /// What was written.
        given: String,
        /// The vendors there are.
        vendors: String,
    },
    /// No key for the vendor.
    #[error(
        "connect {model} for the role `{role}`: {vendor} needs a key (set {variable}, or choose another model for this role)"
    )]
    KeyMissing {
        /// Which role the model is for.
        role: String,
        /// The model.
        model: String,
        /// The vendor's name for people.
        vendor: String,
        /// The variable a key is looked for in.
        variable: String,
    },
    /// The key has characters that can't travel in a header.
    #[error("use the key of {vendor} (is there a line break or a quote too many in {variable}?)")]
    KeyUnusable {
        /// The vendor's name for people.
        vendor: String,
        /// The variable a key is looked for in.
        variable: String,
    },
    /// The address isn't one.
    #[error("reach {vendor} at `{address}`: {why} (check {variable})")]
    Address {
        /// The vendor's name for people.
        vendor: String,
        /// What was given, without a password.
        address: String,
        /// What is wrong with it.
        why: String,
        /// The variable it comes from.
        variable: String,
    },
    /// A cap on money can't be kept for a model whose price nobody knows.
    #[error(
        "keep the budget in money with {model}, whose price isn't known (configure its price, or give a budget in tokens)"
    )]
    PriceUnknown {
        /// The model.
        model: String,
    },
    /// A script can't be used.
    #[error("load the script of {model}")]
    Script {
        /// Which scripted model.
        model: String,
        /// Why not.
        #[source]
        source: ScriptError,
    },
    /// A folder of replies can't be read or written.
    #[error("use the folder `{}` for replies", path.display())]
    Folder {
        /// Which folder or file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A recorded reply isn't one.
    #[error("read the recorded reply `{}` (was it made by another version?)", path.display())]
    Recorded {
        /// Which file.
        path: PathBuf,
        /// What doesn't fit.
        #[source]
        source: serde_json::Error,
    },
    /// What a recording says of its run can't be read.
    #[error("read `{}`, which says what was recorded (was it made by another version?)", path.display())]
    RecordedRun {
        /// Which file.
        path: PathBuf,
        /// What doesn't fit.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// It is in a form of another time.
    #[error(
        "read `{}`, which says what was recorded: it is in form {form}, and this program knows form 1 (use the program that recorded it)",
        path.display()
    )]
    RecordedForm {
        /// Which file.
        path: PathBuf,
        /// Its form.
        form: u32,
    },
    /// A recording of another run.
    #[error("record into `{}`: it holds another run, of the task `{title}` (choose an empty folder)", path.display())]
    OtherRun {
        /// The folder.
        path: PathBuf,
        /// What the run in it was asked.
        title: String,
    },
    /// Something that a recording must not hold.
    #[error("write {file}: it would hold {what}, and a recording is for others to read")]
    Unsayable {
        /// The file.
        file: String,
        /// What was found, never its value.
        what: String,
    },
}
