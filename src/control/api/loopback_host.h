// Whether a request to a loopback listener means this machine, by what its headers say. A page in a
// browser cannot choose these, so it cannot use the API by DNS rebinding or by a form.
//
//   IsLoopbackHost("localhost:9480")             // Host
//   IsLoopbackOrigin("http://127.0.0.1:3000")    // Origin
//
// The whole text is parsed as an authority (RFC 3986 section 3.2): "[::1].evil.example" is none.
// Threads: pure.
#pragma once

#include <string_view>

namespace fairlead::api {

// localhost, an address of 127.0.0.0/8, or [::1], with a port or without.
bool IsLoopbackHost(std::string_view host);
// The same after "http://".
bool IsLoopbackOrigin(std::string_view origin);

}  // namespace fairlead::api
