# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of FTP sessions.

They stand apart, because who reads results needs them without the code that measures.
"""

DATA_COMMANDS = ("EPSV", "PASV", "EPRT", "PORT")

# How a login went. The server was sent neither user nor password where its certificate cannot be verified
# (UNVERIFIED), and where it is no FTP server (NOT_FTP).
LOGGED_IN, LOGIN_FAILED, UNVERIFIED, NOT_FTP = "ok", "failed", "unverified", "not-ftp"
LOGINS = (LOGGED_IN, LOGIN_FAILED, UNVERIFIED, NOT_FTP)

# What became of a transfer over a data connection that was opened.
DONE = "done"  # all of the list came, and the server said so
FAILED = "failed"  # the server said that it failed, or broke the connection off
SILENT = "silent"  # nothing came for as long as we wait
NOTHING = "nothing"  # the server has nothing to list, so nothing was sent over the connection
TRANSFERS = (DONE, FAILED, SILENT, NOTHING)

# Why a data connection was not even tried, beside what an Outcome knows.
REFUSED, BAD_REPLY, NO_LOGIN = "refused", "bad-reply", "login"
