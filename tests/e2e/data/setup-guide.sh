# The lines that set-up guides for IPVS print, in the order a reader types them. Run by `sh -e` with `ipvsadm` in PATH.

# A clean table, times for long-lived sessions.
ipvsadm -C
ipvsadm --set 7200 120 300

# Web by NAT: round robin, one server on another port.
ipvsadm -A -t 192.0.2.80:80 -s rr
ipvsadm -a -t 192.0.2.80:80 -r 10.0.0.11:80 -m
ipvsadm -a -t 192.0.2.80:80 -r 10.0.0.12:80 -m -w 1
ipvsadm -a -t 192.0.2.80:80 -r 10.0.0.13:8080 -m -w 2

# HTTPS that sticks, the port by its name, the default time of -p.
ipvsadm -A -t 192.0.2.80:https -s wlc -p
ipvsadm -a -t 192.0.2.80:https -r 10.0.0.11 -m
ipvsadm -a -t 192.0.2.80:https -r 10.0.0.12:https -m -w 3

# Direct routing, the long way.
ipvsadm --add-service --tcp-service 192.0.2.180:80 --scheduler wrr
ipvsadm --add-server --tcp-service 192.0.2.180:80 --real-server 10.0.0.11 --gatewaying --weight 3
ipvsadm --add-server --tcp-service 192.0.2.180:80 --real-server 10.0.0.12:80 --gatewaying --weight=2
ipvsadm --add-server --tcp-service 192.0.2.180:80 --real-server 10.0.0.13:8080 --weight 1

# Tunnelling.
ipvsadm -A -t 192.0.2.190:80 -s wlc
ipvsadm -a -t 192.0.2.190:80 -r 10.0.0.11 -i -w 1
ipvsadm -a -t 192.0.2.190:80 -r 10.0.0.12 -i -w 1 --tun-type ipip

# DNS: every query by itself.
ipvsadm -A -u 192.0.2.80:53 -s rr -o
ipvsadm -a -u 192.0.2.80:53 -r 10.0.0.11:53 -m
ipvsadm -a -u 192.0.2.80:domain -r 10.0.0.12:domain -m

# Passive FTP, and every port of one address.
ipvsadm -A -t 192.0.2.81:21 -s rr -p 540
ipvsadm -a -t 192.0.2.81:21 -r 10.0.0.11:21 -m
ipvsadm -A -t 192.0.2.82:0 -s rr -p 360
ipvsadm -a -t 192.0.2.82:0 -r 10.0.0.11:0 -g
ipvsadm -a -t 192.0.2.82:0 -r 10.0.0.12 -g -w 1

# Marks: HTTP and HTTPS together, a class C network is one client.
ipvsadm -A -f 1 -s wlc -p 300 -M 255.255.255.0
ipvsadm -a -f 1 -r 10.0.0.11:0 -g -w 1
ipvsadm -a -f 1 -r 10.0.0.12:80 -g -w 2
ipvsadm -A --fwmark-service 2 --scheduler rr
ipvsadm -a --fwmark-service 2 --real-server 10.0.0.13 --masquerading

# IPv6.
ipvsadm -A -t [2001:db8:1::80]:80 -s rr
ipvsadm -a -t [2001:db8:1::80]:80 -r [fd00:10::11]:80 -m
ipvsadm -a -t [2001:db8:1::80]:80 -r [fd00:10::12]:80 -m -w 5
ipvsadm -A -t [2001:db8:1::80]:443 -s rr -p 600 -M 64
ipvsadm -A -f 1 -6 -s rr
ipvsadm -a -f 1 -6 -r [fd00:10::11]:0 -m

# Hashes and limits.
ipvsadm -A -t 192.0.2.83:8080 -s sh -b sh-port,sh-fallback
ipvsadm -a -t 192.0.2.83:8080 -r 10.0.0.11:8080 -m -x 500 -y 400
ipvsadm -a -t 192.0.2.83:8080 -r 10.0.0.12:8080 -m -x 1000
ipvsadm -A -t 192.0.2.84:80 -s mh -b mh-port
ipvsadm -a -t 192.0.2.84:80 -r 10.0.0.11:80 -m

# Looking.
ipvsadm
ipvsadm -L
ipvsadm -L -n
ipvsadm -ln
ipvsadm -L -n -t 192.0.2.80:80
ipvsadm -L -n --stats
ipvsadm -L -n --rate
ipvsadm -Ln --stats --exact
ipvsadm -Ln --thresholds
ipvsadm -Ln --persistent-conn
ipvsadm -Lnc
ipvsadm -L --timeout
ipvsadm -L --daemon

# Maintenance: out for new clients, back, another schedule, gone.
ipvsadm -e -t 192.0.2.80:80 -r 10.0.0.12:80 -m -w 0
ipvsadm -e -t 192.0.2.80:80 -r 10.0.0.12:80 -m -w 5
ipvsadm -E -t 192.0.2.180:80 -s wlc -p 1800
ipvsadm -d -t 192.0.2.80:80 -r 10.0.0.11:80
ipvsadm -a -t 192.0.2.80:80 -r 10.0.0.11:80 -m -w 4
ipvsadm -D -t 192.0.2.84:80
ipvsadm -Z -t 192.0.2.80:80
ipvsadm -Z

# Over a reboot.
ipvsadm -S -n > "$RULES"
ipvsadm --clear
ipvsadm -R < "$RULES"
ipvsadm --save -n | ipvsadm-restore
