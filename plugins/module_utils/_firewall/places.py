# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where our rules come to stand again at a rollback, in lists that others have changed meanwhile.

A change moves ours before all others, and what others do until the rollback has to survive it. So the places
of ours are found again by the lines of others around them: behind the nearest one that stood before ours and
is still there, or before the nearest one that stood behind ours, if that comes first. So a rule of others
that has moved meanwhile does not take ours along behind others. What was the first becomes the first again.
If others have changed nothing, each line comes back to exactly where it was.
"""

# Functions of awk. places() reads two lists: was[1..old], in which ours[n] marks our lines, and
# line[1..last], in which own[n] does. For each of ours, at[n] becomes the line before which it comes:
# last + 1 for the end, and 0 if no line of others is left. Lines that are there several times are counted.
# An iptables line of ufw belongs to the tuple above it, from which it must not be separated.
PLACES = r"""
function key(text) {
  if (text ~ /^### /) rule = text
  return (text ~ /^-A / ? rule : "") SUBSEP text
}
function places(    n, k, place, found, behind, ahead, before, first, follows, least, present, earlier) {
  rule = ""
  for (n = 1; n <= last; n++) {
    if (own[n] || line[n] == "") continue
    k = key(line[n])
    place[k, ++present[k]] = n
  }
  rule = ""
  for (n = 1; n <= old; n++) {
    if (ours[n] || was[n] == "") continue
    k = key(was[n])
    found[n] = place[k, ++earlier[k]]
  }
  for (n = old; n; n--) { behind[n] = ahead; if (found[n]) ahead = found[n] }
  least = 1
  for (n = 1; n <= old; n++) {
    if (found[n]) before = found[n]
    if (!ours[n]) {
      if (was[n] != "") follows = 1
      continue
    }
    at[n] = follows ? 0 : 1
    if (before) {
      at[n] = before + 1
      while (line[before] ~ /^### tuple ### / && at[n] <= last && line[at[n]] ~ /^-A /) at[n]++
    }
    if (follows && behind[n]) {
      first = behind[n]
      if (first > 1 && line[first - 1] == "" && !own[first - 1]) first--
      if (!at[n] || first < at[n]) at[n] = first
    }
    if (at[n] && at[n] < least) at[n] = least
    if (at[n]) least = at[n]
  }
}
"""
