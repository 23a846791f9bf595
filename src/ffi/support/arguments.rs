//! The model, the request and the cancel handle of a call.

use super::handle::{self, HandleObject};
use super::request::SharedRequest;
use crate::call::Stream;
use crate::config::RunOptions;
use crate::error::Result;
use crate::model::{Ended, Model};
use crate::protocol::operation::Operation;
use crate::request::ToolDeclarations;
use crate::run::{Run, Start};
use crate::runtime::cancel::Cancel;
use std::sync::Arc;

/// The objects behind the handles of a call. They stay alive if the program frees the handles during the call.
pub struct CallArguments {
    model: Arc<Model>,
    request: Arc<SharedRequest>,
    cancel: Option<Arc<Cancel>>,
}

impl CallArguments {
    /// Returns the objects of these handles. A call without a cancel handle passes NULL.
    pub fn of(
        model: *const <Model as HandleObject>::C,
        request: *const <SharedRequest as HandleObject>::C,
        cancel: *mut <Cancel as HandleObject>::C,
    ) -> Result<Self> {
        Ok(CallArguments {
            model: handle::get(model)?,
            request: handle::get(request)?,
            cancel: if cancel.is_null() { None } else { Some(handle::get(cancel)?) },
        })
    }

    /// Runs the call to its end.
    pub fn call(&self, operation: Operation) -> Ended<()> {
        self.model.call(operation, &self.request.snapshot(), self.cancel.as_deref())
    }

    /// Makes a run.
    pub fn run(&self, tools: ToolDeclarations, options: RunOptions) -> Result<Box<Run>> {
        let cancel = self.cancel.as_deref().cloned();
        Run::new(Start { model: self.model.clone(), request: self.request.share(), cancel, tools, options })
    }

    /// Starts the call without waiting for the network.
    pub fn open(&self, operation: Operation) -> Result<Stream> {
        self.model.open(operation, &self.request.snapshot(), self.cancel.as_deref())
    }
}
