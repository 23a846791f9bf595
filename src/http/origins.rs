//! The origins that requests have gone to, each with its connections.

use super::connector::Connector;
use super::origin::Origin;
use crate::runtime::sync::Mutex;
use http::Uri;
use std::sync::Arc;

/// There are few origins: that of the service, and those of credentials.
#[derive(Default)]
pub struct Origins(Mutex<Vec<Arc<Origin>>>);

impl Origins {
    /// Returns the origin of a URI, whose connections `connector` makes.
    pub fn origin(&self, uri: &Uri, connector: &Arc<Connector>) -> Arc<Origin> {
        let mut origins = self.0.lock();
        if let Some(known) = origins.iter().find(|origin| origin.is_of(uri)) {
            return known.clone();
        }
        let origin = Arc::new(Origin::new(uri, connector.clone()));
        origins.push(origin.clone());
        origin
    }
}
