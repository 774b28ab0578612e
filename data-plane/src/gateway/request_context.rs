//! What came in with one request, and what is derived from it when it is first needed: routing
//! fields, session, the decoded request. Nothing here changes once it is read.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::catalog::Lists;
use super::client_request::ClientRequest;
use super::config::{ActiveConfig, GatewayConfig};
use super::long_work;
use super::resolution_cache::{ResolutionCache, ResolvedModel};
use super::resolve::{Directory, Resolution, resolve};
use super::signatures::Scope;
use super::state::GatewayState;
use super::surface_call::SurfaceCall;
use super::surface_fields::{self, Surface, SurfaceFields};
use super::{routing_fields, session};
use crate::account::AccountName;
use crate::canon::{Embed, Fault, Request};
use crate::outcome::Timestamp;
use crate::pool::SessionKey;
use crate::protocol::{DecodeError, RoutingFields, envelope};
use crate::provider::DEMO;

pub(super) struct RequestContext<'c> {
    pub(super) state: &'c GatewayState,
    pub(super) config: &'c GatewayConfig,
    resolutions: &'c ResolutionCache,
    pub(super) request: &'c ClientRequest,
    /// From both ends of a large body, from all of a small one.
    pub(super) routing: RoutingFields,
    /// Whether `routing` was read from the ends only, and what the whole body says where that was
    /// needed.
    is_partial: bool,
    full_routing: OnceLock<RoutingFields>,
    /// Decoded at the first translation.
    decoded: OnceLock<Result<Decoded, Fault>>,
    /// The conversation by which signatures are cached; set with `decoded`.
    scope: OnceLock<Scope>,
    /// Whether the body carries envelopes of ours, which no upstream may see.
    pub(super) has_envelope: bool,
    /// Read where there is a choice between accounts.
    session: OnceLock<Option<SessionKey>>,
    /// Looked for where any object is known.
    owner: OnceLock<Option<AccountName>>,
    /// Set where the path passes as it is.
    pub(super) surface: Option<Surface<'c>>,
}

#[derive(Clone)]
pub(super) enum Decoded {
    Generate(Arc<Request>),
    Embed(Arc<Embed>),
}

impl<'c> RequestContext<'c> {
    /// # Errors
    /// When the request does not say what routing needs.
    pub(super) fn new(
        state: &'c GatewayState,
        active: &'c ActiveConfig,
        request: &'c ClientRequest,
    ) -> Result<Self, Fault> {
        if let Some(call) = &request.surface {
            return Ok(Self::of_surface(state, active, request, call));
        }
        let (routing, is_partial) = match routing_fields::from_ends(request) {
            Some(routing) => (routing, true),
            None => {
                let read = || routing_fields::from_whole(request);
                (long_work::on_body(request.body.len(), read)?, false)
            }
        };
        Ok(Self {
            state,
            config: &active.config,
            resolutions: &active.resolutions,
            request,
            routing,
            is_partial,
            full_routing: OnceLock::new(),
            decoded: OnceLock::new(),
            scope: OnceLock::new(),
            has_envelope: envelope::is_in(&request.body),
            session: OnceLock::new(),
            owner: OnceLock::new(),
            surface: None,
        })
    }

    /// The same for a path that passes as it is, and says what it says.
    fn of_surface(
        state: &'c GatewayState,
        active: &'c ActiveConfig,
        request: &'c ClientRequest,
        call: &'c SurfaceCall,
    ) -> Self {
        let mut fields =
            long_work::on_body(request.body.len(), || SurfaceFields::of(call, request));
        let routing = std::mem::take(&mut fields.routing);
        Self {
            state,
            config: &active.config,
            resolutions: &active.resolutions,
            request,
            routing,
            is_partial: false,
            full_routing: OnceLock::new(),
            decoded: OnceLock::new(),
            scope: OnceLock::new(),
            has_envelope: false,
            session: OnceLock::from(session::key(request, None)),
            owner: OnceLock::new(),
            surface: Some(Surface::new(call, fields, &state.pool)),
        }
    }

    /// The time by the clock that the pool has.
    pub(super) fn now(&self) -> Timestamp {
        self.state.pool.now()
    }

    /// The conversation that the request belongs to; `None` where nothing tells it.
    pub(super) fn session(&self) -> Option<SessionKey> {
        *self.session.get_or_init(|| {
            session::key(self.request, self.routing.session.as_deref())
                .or_else(|| self.session_of_whole_body())
        })
    }

    /// The same, where it is told by name: that costs no look into the body.
    pub(super) fn named_session(&self) -> Option<SessionKey> {
        if let Some(known) = self.session.get() {
            return *known;
        }
        let named = session::key(self.request, self.routing.session.as_deref());
        if named.is_some() {
            let _ = self.session.set(named);
        }
        named
    }

    /// The session as only the whole body tells it.
    fn session_of_whole_body(&self) -> Option<SessionKey> {
        match &self.full_routing().session {
            Some(field) => Some(SessionKey::of(field)),
            None => session::by_conversation_start(self.request),
        }
    }

    /// The account that alone can read what the request continues, is about or mentions; `None`
    /// where that is nothing, or its owner is not known.
    pub(super) fn object_owner(&self) -> Option<AccountName> {
        if let Some(surface) = &self.surface {
            return surface.owner.as_ref().map(|owner| owner.account.clone());
        }
        let pool = &self.state.pool;
        if pool.knows_no_object() {
            return None;
        }
        self.owner.get_or_init(|| self.owner_of_body()).clone()
    }

    fn owner_of_body(&self) -> Option<AccountName> {
        let pool = &self.state.pool;
        let continued = match &self.routing.continues {
            Some(id) => Some(id),
            None if routing_fields::may_continue(self.request) => {
                self.full_routing().continues.as_ref()
            }
            None => None,
        };
        let owner = continued.and_then(|id| pool.object_owner(id));
        let mentioned = || {
            let look = || surface_fields::owner_of_mentions(self.request, pool);
            long_work::on_body(self.request.body.len(), look)
        };
        owner.or_else(mentioned).map(|owner| owner.account)
    }

    /// What the whole body says. One that cannot be read is judged where it is decoded.
    pub(super) fn full_routing(&self) -> &RoutingFields {
        if !self.is_partial {
            return &self.routing;
        }
        self.full_routing.get_or_init(|| {
            let read = || routing_fields::from_whole(self.request);
            let full = long_work::on_body(self.request.body.len(), read);
            full.unwrap_or_else(|_| self.routing.clone())
        })
    }

    /// Whether the client asked for a stream; `None` where the body's ends do not say and the whole
    /// body was not read.
    pub(super) fn stream(&self) -> Option<bool> {
        match self.routing.stream {
            Some(is_stream) => Some(is_stream),
            None => self.full_routing.get()?.stream,
        }
    }

    /// What the requested model's name becomes: the candidates in the order in which they are
    /// tried, none where nothing serves the name.
    ///
    /// Providers are asked for their model lists only where nothing else knows the name.
    pub(super) async fn resolve_model(&self) -> Arc<ResolvedModel> {
        let known = self.resolve_known();
        if !known.resolution.candidates.is_empty() {
            return known;
        }
        let catalog = &self.state.catalog;
        let lists = catalog.lists(self.config, &self.state.pool).await;
        ResolvedModel::new(self.resolve(&lists))
    }

    /// The same by what is known without asking a provider.
    pub(super) fn resolve_known(&self) -> Arc<ResolvedModel> {
        let catalog = &self.state.catalog;
        self.resolutions
            .get_or_resolve(&self.routing.model, || self.resolve(&catalog.known_lists()))
    }

    fn resolve(&self, lists: &Lists) -> Resolution {
        let listed = |provider: &str| lists.get(provider).cloned().unwrap_or_default();
        let directory = Directory {
            rules: &self.config.rules,
            providers: &self.config.providers,
            demo_enabled: self.config.endpoints.contains_key(DEMO),
            listed: &listed,
        };
        resolve(&directory, &self.routing.model)
    }

    /// Whether the client's key may use the model. All of the body is read for that: an upstream
    /// reads what stands between the ends too.
    ///
    /// # Errors
    /// When it may not.
    pub(super) fn check_model(&self) -> Result<(), Fault> {
        let permit = self.request.permit.as_deref();
        let Some(permit) = permit.filter(|permit| permit.has_models()) else {
            return Ok(());
        };
        if let Some(provider) = &self.request.provider {
            permit.check_model(&format!("{provider}/{}", self.routing.model))?;
        } else {
            permit.check_model(&self.routing.model)?;
        }
        let read = || -> Result<(), Fault> {
            if self.is_partial && self.request.provider.is_none() {
                permit.check_model(&routing_fields::from_whole(self.request)?.model)?;
            }
            let others = routing_fields::other_models(self.request);
            others
                .iter()
                .try_for_each(|model| permit.check_model(model))
        };
        long_work::on_body(self.request.body.len(), read)
    }

    /// The canonical request.
    ///
    /// # Errors
    /// When the body cannot be decoded.
    pub(super) fn decoded(&self) -> Result<Decoded, Fault> {
        self.decoded.get_or_init(|| self.decode()).clone()
    }

    fn decode(&self) -> Result<Decoded, Fault> {
        let (protocol, body) = (self.request.protocol, self.body());
        let inbound = self.request.inbound(body);
        let into_fault = |error: DecodeError| error.into_fault(body);
        if self.request.operation.embeds() {
            let codec = protocol.embeddings().ok_or_else(|| {
                Fault::internal("the dialect has a route for embeddings and no codec")
            })?;
            let embed = codec.decode_embed(&inbound).map_err(into_fault)?;
            return Ok(Decoded::Embed(Arc::new(embed)));
        }
        let mut request = protocol.decode_request(&inbound).map_err(into_fault)?;
        let session = session::named(&self.request.headers)
            .or_else(|| self.full_routing().session.as_deref());
        let (headers, query_key) = (&self.request.headers, self.request.query_key.as_ref());
        let scope = Scope::of(headers, query_key, session, &request);
        self.state.signatures.attach(&scope, &mut request);
        let _ = self.scope.set(scope);
        Ok(Decoded::Generate(Arc::new(request)))
    }

    /// The conversation of a request that was decoded.
    pub(super) fn signature_scope(&self) -> Scope {
        self.scope.get().copied().unwrap_or_default()
    }

    /// The client's bytes.
    pub(super) fn body(&self) -> &Bytes {
        self.request.body.whole()
    }
}
