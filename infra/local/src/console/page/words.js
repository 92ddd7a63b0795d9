// Texts for the codes of the API. Codes are stable; an unknown one is shown as it is.

const REASONS = {
  // outcomes of a connect
  access_denied: "You declined the consent at Oura. Nothing was connected.",
  authorization_failed: "Oura did not show its consent page for this app. Check the app’s settings at Oura.",
  invalid_scope: "Oura does not offer this app a scope that it asks for. Check OURA_SCOPES.",
  invalid_request: "Oura did not accept this app’s request. Check OURA_REDIRECT_URI.",
  unauthorized_client: "Oura does not let this app ask for consents. Check the app’s settings at Oura.",
  unsupported_response_type: "Oura does not let this app ask for consents. Check the app’s settings at Oura.",
  server_error: "Oura’s consent page failed. Try again in a few minutes.",
  temporarily_unavailable: "Oura’s consent page is busy. Try again in a few minutes.",
  no_scope_granted: "Oura granted nothing. Connect again and leave the boxes ticked.",
  account_change_refused: "The data here is of another Oura account. Connect that one, or delete its data first.",
  too_many_connects: "Too many attempts for now. Try again in a minute.",
  state_invalid: "This link was already used, or is older than ten minutes. Start again.",
  state_foreign: "This connection was started in another browser or by another patient. Start again.",
  issuer_invalid: "This answer did not come from Oura. Start again.",
  code_missing: "Oura’s answer is missing. Start again.",
  code_refused: "Oura refused the authorization code. Start again.",
  scope_missing: "You allowed no data, so there is nothing to show. Connect again and tick at least one box.",
  account_conflict: "This ring is already connected to another patient.",
  membership: "Your Oura membership is not active, so Oura gives no data. It resumes by itself when the membership is active again.",
  app_outdated: "Your Oura app is too old. Update it and open it once.",
  oura_unavailable: "Oura does not answer at the moment. Nothing is lost: missing data arrives when Oura is back.",
  account_unreadable: "Oura did not say which ring account this is. Try again.",
  unauthorized_by_oura: "Oura refused access right after the consent. Try again.",
  service_unavailable: "The service is not available. Try again in a moment.",
  purge_running: "Your data is still being deleted. Connect again when that has ended.",
  // reasons of a connection's status
  unauthorized: "Oura refuses access at the moment.",
  revoked: "Access was withdrawn at Oura. Your history stays; connect again for new days.",
  refresh_lost: "The link to Oura was lost. Connecting again repairs it; your history stays.",
  user_request: "You disconnected your ring.",
  // refusals of requests
  too_many_syncs: "Too many syncs for now. New days arrive by themselves.",
  too_many_refreshes: "The token was refreshed a moment ago.",
  not_connected: "No ring is connected.",
  party_not_allowed: "This app may not use the service.",
};

export const reason = (code) => REASONS[code] || `That failed (${code}).`;
// The text of an error: the page's own if there is one.
export const trouble = (error) => REASONS[error.code] || error.message;

export const KIND_STATES = {
  pending: "waiting", fetched: "storing", done: "done", not_granted: "not allowed", not_available: "not offered",
  malformed: "partly unreadable", failed: "will be retried",
};

// In as few words as fit on a tile. The full sentences come with `GET /daily`.
export const GAPS = {
  not_worn: "not worn", not_synced_yet: "not synced yet", battery: "battery empty", calibrating: "calibrating",
  scope_not_granted: "not allowed", membership_ended: "no membership", rest_mode: "rest mode",
  app_outdated: "Oura app too old", oura_unavailable: "Oura was down", we_are_late: "on its way", not_connected: "not connected",
  not_fetched: "not fetched", unreadable: "not readable", not_measured: "not measured", in_progress: "in progress",
  unknown: "no data",
};

const KINDS = {
  hrv: "HRV", spo2: "SpO₂", heartRate: "Heart rate", cardiovascularAge: "Cardiovascular age", vo2Max: "VO₂ max",
};
// `heart_rate` and `heartRate` alike.
export const kindName = (kind) => KINDS[kind] || sentence(kind.replace(/([A-Z])/g, " $1").replaceAll("_", " "));
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();
