"""Apps, their deployments, and the current definition of each function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from grpclib import GRPCError, Status
from modal_proto import api_pb2

from wiki_embeddings_tests.standins.modal.accounts import ENVIRONMENT
from wiki_embeddings_tests.standins.modal.assets import new_id

_DEFAULT_SCALEDOWN_WINDOW_S = 60


@dataclass(frozen=True)
class Definition:
    """A function as one deployment defines it.

    Attributes:
        id: Changes with every deployment.
        function_id: Stays the same over all deployments of an app.
        function: The message of the client.
    """

    id: str
    function_id: str
    function: api_pb2.Function


@dataclass(frozen=True)
class Deployment:
    """One version of an app.

    Attributes:
        version: Counted from 1.
        app_id: The app.
        app_name: Its name.
        functions: Function id by name ("Embedder.*" for the service of a class).
        classes: Class id by name.
        definitions: Definition by function id.
    """

    version: int
    app_id: str
    app_name: str
    functions: Mapping[str, str]
    classes: Mapping[str, str]
    definitions: Mapping[str, Definition]

    def definition(self, name: str) -> api_pb2.Function:
        """A function of this version, by name."""
        return self.definitions[self.functions[name]].function


@dataclass
class App:
    """An app with all its deployments, oldest first."""

    id: str
    name: str
    deployments: list[Deployment] = field(default_factory=list)
    stopped: bool = False


@dataclass(frozen=True)
class Variant:
    """A function bound to parameters of its class, to options, or both."""

    base_id: str
    serialized_params: bytes
    options: api_pb2.FunctionOptions


@dataclass(frozen=True)
class LiveFunction:
    """A function, or a variant of one, as containers run it now.

    Attributes:
        id: Id in calls; each variant has its own.
        base_id: Id of the function in its app.
        app: The app.
        version: The app's deployment.
        definition_id: The definition in that deployment.
        function: The definition with the variant's options applied.
        serialized_params: Parameters of the class; empty without.
    """

    id: str
    base_id: str
    app: App
    version: int
    definition_id: str
    function: api_pb2.Function
    serialized_params: bytes

    @property
    def name(self) -> str:
        """Its name in the app, the same for all its variants."""
        return self.function.function_name

    @property
    def concurrency(self) -> int:
        """Inputs that one container works on at a time."""
        return self.function.max_concurrent_inputs or 1

    @property
    def max_containers(self) -> int | None:
        """Most containers; None without a limit."""
        function = self.function
        return function.autoscaler_settings.max_containers or function.concurrency_limit or None

    @property
    def scaledown_window_s(self) -> float:
        """How long an idle container stays."""
        function = self.function
        return (
            function.autoscaler_settings.scaledown_window
            or function.task_idle_timeout_secs
            or _DEFAULT_SCALEDOWN_WINDOW_S
        )


class Registry:
    """All that is deployed, by id and by name.

    Attributes:
        apps: App by id.
    """

    def __init__(self) -> None:
        self.apps: dict[str, App] = {}
        self._app_of: dict[str, str] = {}
        self._definitions: dict[str, Definition] = {}
        self._variants: dict[str, Variant] = {}

    def add_app(self, name: str) -> App:
        """An app without a deployment yet."""
        app = App(new_id("ap"), name)
        self.apps[app.id] = app
        return app

    def deployed(self, name: str) -> App | None:
        """The app that is deployed under a name."""
        for app in self.apps.values():
            if app.name == name and app.deployments and not app.stopped:
                return app
        return None

    def app(self, app_id: str) -> App:
        """An app by id."""
        if app_id not in self.apps:
            raise GRPCError(Status.NOT_FOUND, f"App '{app_id}' not found")
        return self.apps[app_id]

    def adopt(self, app_id: str, object_id: str) -> None:
        """Record the app of a function or a class."""
        self._app_of[object_id] = app_id

    def define(self, app_id: str, function_id: str, function: api_pb2.Function) -> Definition:
        """Record the definition of a function in an unpublished deployment."""
        definition = Definition(new_id("de"), function_id, function)
        self.adopt(app_id, function_id)
        self._definitions[definition.id] = definition
        return definition

    def publish(
        self,
        app: App,
        functions: Mapping[str, str],
        classes: Mapping[str, str],
        definition_ids: Mapping[str, str],
    ) -> Deployment:
        """Make definitions the app's next version."""
        deployment = Deployment(
            version=len(app.deployments) + 1,
            app_id=app.id,
            app_name=app.name,
            functions=dict(functions),
            classes=dict(classes),
            definitions={
                function_id: self._definitions[definition_ids[function_id]]
                for function_id in functions.values()
            },
        )
        app.deployments.append(deployment)
        app.stopped = False
        return deployment

    def find(self, app_name: str, tag: str) -> str:
        """Id of a function or a class of a deployed app."""
        app = self.deployed(app_name)
        if app is None:
            raise GRPCError(
                Status.NOT_FOUND, f"App '{app_name}' not found in environment '{ENVIRONMENT}'"
            )
        deployment = app.deployments[-1]
        found = deployment.functions.get(tag) or deployment.classes.get(tag)
        if found is None:
            raise GRPCError(Status.NOT_FOUND, f"App '{app_name}' has no function or class '{tag}'")
        return found

    def bind(self, request: api_pb2.FunctionBindParamsRequest) -> str:
        """Return the id of a variant: the same for the same parameters and options."""
        variant = Variant(request.function_id, request.serialized_params, request.function_options)
        for variant_id, known in self._variants.items():
            if known == variant:
                return variant_id
        variant_id = new_id("fu")
        self._variants[variant_id] = variant
        return variant_id

    def find_app(self, function_id: str) -> App:
        """The app of a function or a variant."""
        variant = self._variants.get(function_id)
        return self.apps[self._app_of[variant.base_id if variant else function_id]]

    def live(self, function_id: str) -> LiveFunction:
        """The current definition of a function or a variant."""
        variant = self._variants.get(function_id)
        base_id = variant.base_id if variant else function_id
        definition = self._published(base_id)
        app = self.find_app(function_id)
        return LiveFunction(
            id=function_id,
            base_id=base_id,
            app=app,
            version=app.deployments[-1].version,
            definition_id=definition.id,
            function=_with_options(definition.function, variant.options if variant else None),
            serialized_params=variant.serialized_params if variant else b"",
        )

    def _published(self, function_id: str) -> Definition:
        app = self.apps.get(self._app_of.get(function_id, ""))
        definition = None
        if app and app.deployments and not app.stopped:
            definition = app.deployments[-1].definitions.get(function_id)
        if definition is None:
            raise GRPCError(Status.NOT_FOUND, f"Function '{function_id}' not found")
        return definition

    def handle_metadata(
        self, function_id: str, definition: Definition | None = None
    ) -> api_pb2.FunctionHandleMetadata:
        """What a client needs to know of a function or a variant."""
        base_id = self._variants[function_id].base_id if function_id in self._variants else ""
        if definition is None:
            definition = self._published(base_id or function_id)
        function = definition.function
        app_id = self._app_of[definition.function_id]
        return api_pb2.FunctionHandleMetadata(
            app_id=app_id,
            function_name=function.function_name,
            function_type=function.function_type,
            is_method=function.is_method,
            definition_id=definition.id,
            class_parameter_info=function.class_parameter_info,
            function_schema=function.function_schema,
            supported_input_formats=function.supported_input_formats,
            supported_output_formats=function.supported_output_formats,
            base_function_id=base_id,
            method_handle_metadata={
                name: api_pb2.FunctionHandleMetadata(
                    app_id=app_id,
                    function_name=method.function_name,
                    is_method=True,
                    use_method_name=name,
                    function_type=method.function_type,
                    function_schema=method.function_schema,
                    supported_input_formats=method.supported_input_formats,
                    supported_output_formats=method.supported_output_formats,
                )
                for name, method in function.method_definitions.items()
            },
        )

    def layout(self, app: App) -> api_pb2.AppLayout:
        """The functions and classes of an app's newest version."""
        if not app.deployments:
            return api_pb2.AppLayout()
        deployment = app.deployments[-1]
        return api_pb2.AppLayout(
            function_ids=deployment.functions,
            class_ids=deployment.classes,
            objects=[
                *(
                    api_pb2.Object(
                        object_id=function_id,
                        function_handle_metadata=self.handle_metadata(function_id, definition),
                    )
                    for function_id, definition in deployment.definitions.items()
                ),
                *(
                    api_pb2.Object(
                        object_id=class_id, class_handle_metadata=api_pb2.ClassHandleMetadata()
                    )
                    for class_id in deployment.classes.values()
                ),
            ],
        )


def _with_options(
    function: api_pb2.Function, options: api_pb2.FunctionOptions | None
) -> api_pb2.Function:
    """A definition with a variant's options applied."""
    changed = api_pb2.Function()
    changed.CopyFrom(function)
    if options is None:
        return changed
    changed.resources.MergeFrom(options.resources)
    if options.replace_secret_ids:
        del changed.secret_ids[:]
    changed.secret_ids.extend(options.secret_ids)
    if options.replace_volume_mounts:
        del changed.volume_mounts[:]
    changed.volume_mounts.extend(options.volume_mounts)
    if options.HasField("retry_policy"):
        changed.retry_policy.CopyFrom(options.retry_policy)
    if options.HasField("concurrency_limit"):
        changed.autoscaler_settings.max_containers = options.concurrency_limit
    if options.HasField("task_idle_timeout_secs"):
        changed.autoscaler_settings.scaledown_window = options.task_idle_timeout_secs
    for name in (
        "timeout_secs",
        "max_concurrent_inputs",
        "target_concurrent_inputs",
        "batch_max_size",
        "batch_linger_ms",
    ):
        if options.HasField(name):
            setattr(changed, name, getattr(options, name))
    return changed
