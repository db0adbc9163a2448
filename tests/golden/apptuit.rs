//! What goes over the wire and what comes of it: http_requests, send_response, client_construct.
