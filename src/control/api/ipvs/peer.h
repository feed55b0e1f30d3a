// Who is at the other end of a Unix socket, and whether that is one of those who may use IPVS.
//
//   const auto peer = PeerOf(socket, group_of_the_socket);
//
// Threads: any.
#pragma once

#include <sys/types.h>

#include <optional>

#include "control/api/ipvs/dispatcher.h"

namespace fairlead::ipvs {

// Root, the user the director runs as, and who is in `group`, may. None: it has gone already.
std::optional<Peer> PeerOf(int socket, gid_t group);

// "keepalived" for "keepalived\n"; whatever is no plain character is a question mark.
std::string PlainName(std::string comm);

}  // namespace fairlead::ipvs
