package auth

import (
	"net/mail"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"codingplatform/backend"
)

const (
	minName, maxName         = 3, 32
	minPassword, maxPassword = 8, 72 // bcrypt reads no more than 72 bytes
	maxEmail                 = 254
	maxNote                  = 200
)

// fold is the form in which names and addresses are compared, beside the database's lower(): one way to write each
// letter.
func fold(s string) string { return strings.TrimSpace(norm.NFKC.String(s)) }

// checkRegistration returns name and address as they are stored, or CodeInvalid with what is wrong with each field.
func checkRegistration(username, email, password string) (name, address string, err error) {
	fields := map[string]string{}
	username, email = fold(username), fold(email)
	switch n := utf8.RuneCountInString(username); {
	case n < minName || n > maxName:
		fields["username"] = "must have " + strconv.Itoa(minName) + " to " + strconv.Itoa(maxName) + " characters"
	case strings.ContainsFunc(username, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}):
		fields["username"] = "may hold letters, digits, dots, hyphens and underscores"
	}
	parsed, perr := mail.ParseAddress(email)
	if perr != nil || parsed.Address != email || len(email) > maxEmail {
		fields["email"] = "must be an address like name@example.org"
	}
	if wrong := checkPassword(password); wrong != "" {
		fields["password"] = wrong
	}
	if len(fields) > 0 {
		return "", "", &backend.Error{Code: backend.CodeInvalid, Message: "the registration is not complete", Fields: fields}
	}
	return username, email, nil
}

// checkPassword says what is wrong with a password, or "".
func checkPassword(password string) string {
	switch n := len(password); {
	case n < minPassword:
		return "must have " + strconv.Itoa(minPassword) + " characters or more"
	case n > maxPassword:
		return "must have " + strconv.Itoa(maxPassword) + " bytes or less"
	case strings.ContainsRune(password, 0):
		return "must not hold a NUL"
	}
	return ""
}

// shorten keeps what strangers write from filling the log.
func shorten(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
	if len(s) <= maxNote {
		return s
	}
	return strings.ToValidUTF8(s[:maxNote], "") + "…"
}
