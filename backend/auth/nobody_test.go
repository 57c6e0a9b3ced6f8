package auth

import (
	"errors"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func TestNobodysPasswordIsHashedAtItsCost(t *testing.T) {
	t.Parallel()
	hash := nobodys(bcrypt.MinCost)
	if cost, err := bcrypt.Cost(hash); err != nil || cost != bcrypt.MinCost {
		t.Fatalf("%q: cost %d, %v", hash, cost, err)
	}
	// Any other error comes at once, which would tell that there is no such user.
	if err := bcrypt.CompareHashAndPassword(hash, []byte("secret")); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		t.Errorf("%q: %v", hash, err)
	}
}
