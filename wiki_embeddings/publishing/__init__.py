"""Publishing a dataset on the Hugging Face Hub: all of it or nothing, and resumable at any point.

    account       whose token this is, and where it may write
    preflight     may it be published at all, asked before the first byte
    uploads       one file's bytes, which nobody sees yet
    proposal      a pull request that names all files, in commits of a hundred
    merging       verified, merged at one stroke, tagged
    tags          a name for every snapshot
    readback      what readers get, compared with what was meant

Readers of `main` see the old version until the merge and the whole new one from then on. A pull
request rather than one commit, because the Hub looks at every file of a commit and gives up after
a minute: it asks for about a hundred files in one, and a full edition has several hundred. What a
killed publisher has left is found by the pull request's title and goes on from there.

Knows the Hub and a stage's manifest. Of Dagster and Modal it knows nothing but the names under
which a person mends something.
"""
