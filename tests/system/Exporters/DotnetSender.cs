using System.Diagnostics;
using System.Globalization;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Tempo.SystemTests.Facts;

namespace Tempo.SystemTests.Exporters;

/// <summary>The OpenTelemetry SDK for .NET with its OTLP exporter and a provider of its own. The spans are exported as one
/// batch when the test says so: the SDK's batch processor calls a batch flushed that it has begun to export, and throws
/// the exporter's answer away.</summary>
internal sealed class DotnetSender : IDisposable
{
    /// <summary>Of an export with all its retries; enough that a slow machine does not end them.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static int _last;

    private readonly ActivitySource _source;
    private readonly TracerProvider _provider;
    private readonly OneBatch _batch;
    private readonly TaskCompletionSource _connectionFailed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // This exporter retries only if it is told to, by a variable that it reads when it is made.
    static DotnetSender() => Environment.SetEnvironmentVariable("OTEL_DOTNET_EXPERIMENTAL_OTLP_RETRY", "in_memory");

    public DotnetSender(OtlpExportProtocol protocol, string endpoint)
    {
        // A name of its own, so that providers of tests that run at the same time do not hear each other's spans.
        _source =
            new ActivitySource(string.Create(CultureInfo.InvariantCulture, $"dotnet.sender.{Interlocked.Increment(ref _last)}"), "1.2.3");
        _batch = new OneBatch(new OtlpTraceExporter(new OtlpExporterOptions
        {
            Protocol = protocol,
            Endpoint = new Uri(endpoint),
            TimeoutMilliseconds = (int)Patience.TotalMilliseconds,
            HttpClientFactory = () => new HttpClient(new ConnectionWatch(_connectionFailed)) { Timeout = Patience },
        }));
        _provider = Sdk.CreateTracerProviderBuilder()
            .AddSource(_source.Name)
            .SetResourceBuilder(
                ResourceBuilder.CreateEmpty().AddAttributes([new("service.name", "dotnet"), new("replica", 3L), new("canary", true)]))
            .AddProcessor(_batch)
            .Build();
    }

    /// <summary>What was made, as the exporter sends it.</summary>
    public IReadOnlyList<SpanFacts> Made
    {
        get
        {
            var resource = Attributes(_provider.GetResource().Attributes);
            return [.. _batch.Spans.Select(activity => Facts(activity, resource))];
        }
    }

    /// <summary>Completes when the exporter has found nobody to connect to.</summary>
    public Task ConnectionFailed => _connectionFailed.Task;

    /// <summary>Exports everything made, with the exporter's retries; true if it says that it is delivered.</summary>
    public Task<bool> DeliverAsync() =>
        Task.Factory.StartNew(_batch.Export, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    public void MakeTrace()
    {
        Activity.Current = null;
        using var root = _source.StartActivity("GET /item", ActivityKind.Server)!;
        root.TraceStateString = "vendor=1";
        root.SetTag("text", "ü").SetTag("whole", 42L).SetTag("part", 0.1).SetTag("yes", true).SetTag("least", long.MinValue);
        root.SetTag("texts", new[] { "a", "b" }).SetTag("wholes", new[] { 1L, -1L }).SetTag("parts", new[] { 0.5, 2 })
            .SetTag("flags", new[] { true, false });
        root.AddEvent(new ActivityEvent("cache miss", tags: new ActivityTagsCollection { ["key"] = "item:1", ["age"] = 12L }));
        root.SetStatus(ActivityStatusCode.Ok);

        var link = new ActivityLink(root.Context, new ActivityTagsCollection { ["why"] = "retry" });
        using var child = _source.StartActivity("SELECT", ActivityKind.Client, root.Context, links: [link])!;
        child.SetStatus(ActivityStatusCode.Error, "deadlock");
    }

    public void Dispose()
    {
        _provider.Dispose();
        _source.Dispose();
    }

    private static SpanFacts Facts(Activity activity, IReadOnlyList<AttributeFacts> resource) => new()
    {
        TraceId = activity.TraceId.ToHexString(),
        SpanId = activity.SpanId.ToHexString(),
        ParentSpanId = activity.ParentSpanId == default ? "" : activity.ParentSpanId.ToHexString(),
        TraceState = activity.TraceStateString ?? "",
        Name = activity.DisplayName,
        Kind = (int)activity.Kind + 1,
        StartUnixNano = UnixNano(activity.StartTimeUtc),
        EndUnixNano = UnixNano(activity.StartTimeUtc + activity.Duration),
        Attributes = Attributes(activity.TagObjects),
        Events = [.. activity.Events.Select(e => new EventFacts(e.Name, UnixNano(e.Timestamp.UtcDateTime), Attributes(e.Tags)))],
        Links = [.. activity.Links.Select(
            l => new LinkFacts(l.Context.TraceId.ToHexString(), l.Context.SpanId.ToHexString(), Attributes(l.Tags ?? [])))],
        StatusCode = (int)activity.Status,
        StatusMessage = activity.StatusDescription ?? "",
        ScopeName = activity.Source.Name,
        ScopeVersion = activity.Source.Version ?? "",
        Resource = resource,
    };

    private static IReadOnlyList<AttributeFacts> Attributes<T>(IEnumerable<KeyValuePair<string, T>> tags) =>
        [.. tags.Select(tag => new AttributeFacts(tag.Key, ValueText.OfObject(tag.Value)))];

    private static ulong UnixNano(DateTime utc) => (ulong)(utc - DateTime.UnixEpoch).Ticks * 100;

    private sealed class OneBatch(BaseExporter<Activity> exporter) : BaseExportProcessor<Activity>(exporter)
    {
        private readonly List<Activity> _spans = [];

        public IReadOnlyList<Activity> Spans => _spans;

        public bool Export() => exporter.Export(new Batch<Activity>([.. _spans], _spans.Count)) == ExportResult.Success;

        protected override void OnExport(Activity data) => _spans.Add(data);
    }

    /// <summary>Passes everything through, and tells of the first connection that could not be made.</summary>
    private sealed class ConnectionWatch(TaskCompletionSource failed) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            try
            {
                return base.Send(request, cancellationToken);
            }
            catch (HttpRequestException e) when (Note(e))
            {
                throw;
            }
        }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            try
            {
                return await base.SendAsync(request, cancellationToken);
            }
            catch (HttpRequestException e) when (Note(e))
            {
                throw;
            }
        }

        private bool Note(HttpRequestException e) => e.HttpRequestError == HttpRequestError.ConnectionError && failed.TrySetResult();
    }
}
