module plimsoll.dev/tools/go-json

go 1.26.6
