# pip's output as one line that says how far it is; on a terminal the line is overwritten. Errors stay.
function say(text) { printf(terminal ? "\r\033[K%s" : "%s\n", text); fflush() }
/^Collecting / { if (terminal || ++found % 25 == 1) say(sprintf("  %d of %d: %s", terminal ? ++found : found, total, $2)); next }
/^Installing collected packages/ { say(sprintf("  unpacking %d packages", found)); next }
/^INSTALLATION FAILED$/ { failed = 1; next }
/^ *(ERROR|error)/ { say($0); if (terminal) print "" }
END { if (terminal) print ""; exit failed }
