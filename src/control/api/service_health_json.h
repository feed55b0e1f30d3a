// What keeps services from taking clients, for /v1/status: real servers that are down, those that
// nobody checks, and services that have no real server for new clients.
//
//   AddServiceHealth(view, &object);      // reals, reals_up, reals_unchecked, reals_down …
//
// Lists end after 32 entries. Threads: the API's.
#pragma once

#include <boost/json/object.hpp>

namespace fairlead::control {
struct ControlView;
}

namespace fairlead::api {

void AddServiceHealth(const control::ControlView& view, boost::json::object* object);

}  // namespace fairlead::api
