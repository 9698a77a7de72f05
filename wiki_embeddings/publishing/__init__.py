"""Publishing a dataset on the Hugging Face Hub: all or nothing, and resumable at any point.

    account        whose token this is, and where it may write
    preflight      whether a dataset may be published, checked before the first byte
    upload         the stage that uploads: one file a shard
    file_transfer  the bytes of one file, which nobody sees yet
    pull_request   a pull request that names all files, in commits of a hundred
    merge          the pull request is filled, verified, merged and tagged
    tags           a permanent name for every snapshot
    readback       what readers get, compared with what was written

    publication    what is published: data files, card and record
    repository     what a repository holds
    differences    how that differs from a publication
    hub_calls      one call of the Hub, with retries and errors for people
    local_folder   the same dataset in a folder, without the Hub
    folder_replacement  one folder in place of another

Readers of `main` see the old version until the merge, and the complete new one after it. It takes
a pull request instead of one commit because the Hub looks at every file of a commit and gives up
after a minute: its documentation asks for about a hundred files in one, and a full edition has
several hundred. The pull request of a killed publisher is found by its title and continued.

This package knows the Hub and the manifests of stages, but neither Dagster nor Modal, except for
the names in advice to people.
"""
