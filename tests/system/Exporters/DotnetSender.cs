using System.Diagnostics;
using System.Globalization;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Tempo.SystemTests.Facts;

namespace Tempo.SystemTests.Exporters;

/// <summary>The OpenTelemetry SDK for .NET with its OTLP exporter and a provider of its own.</summary>
internal sealed class DotnetSender : IDisposable
{
    private static int _last;

    private readonly ActivitySource _source;
    private readonly TracerProvider _provider;
    private readonly List<Activity> _ended = [];

    public DotnetSender(OtlpExportProtocol protocol, string endpoint)
    {
        // A name of its own, so that providers of tests that run at the same time do not hear each other's spans.
        _source = new ActivitySource(string.Create(CultureInfo.InvariantCulture, $"dotnet.sender.{Interlocked.Increment(ref _last)}"), "1.2.3");
        _provider = Sdk.CreateTracerProviderBuilder()
            .AddSource(_source.Name)
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddAttributes([new("service.name", "dotnet"), new("replica", 3L), new("canary", true)]))
            .AddProcessor(new Recorder(_ended))
            .AddOtlpExporter(options =>
            {
                options.Protocol = protocol;
                options.Endpoint = new Uri(endpoint);
            })
            .Build();
    }

    /// <summary>What was made, as the exporter sends it.</summary>
    public IReadOnlyList<SpanFacts> Made
    {
        get
        {
            var resource = Attributes(_provider.GetResource().Attributes);
            return [.. _ended.Select(activity => Facts(activity, resource))];
        }
    }

    /// <summary>Returns when the exporter has delivered everything; false if it gave up.</summary>
    public bool Deliver() => _provider.ForceFlush(15_000);

    public void MakeTrace()
    {
        Activity.Current = null;
        using var root = _source.StartActivity("GET /item", ActivityKind.Server)!;
        root.TraceStateString = "vendor=1";
        root.SetTag("text", "ü").SetTag("whole", 42L).SetTag("part", 0.1).SetTag("yes", true).SetTag("least", long.MinValue);
        root.SetTag("texts", new[] { "a", "b" }).SetTag("wholes", new[] { 1L, -1L }).SetTag("parts", new[] { 0.5, 2 }).SetTag("flags", new[] { true, false });
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
        Links = [.. activity.Links.Select(l => new LinkFacts(l.Context.TraceId.ToHexString(), l.Context.SpanId.ToHexString(), Attributes(l.Tags ?? [])))],
        StatusCode = (int)activity.Status,
        StatusMessage = activity.StatusDescription ?? "",
        ScopeName = activity.Source.Name,
        ScopeVersion = activity.Source.Version ?? "",
        Resource = resource,
    };

    private static IReadOnlyList<AttributeFacts> Attributes<T>(IEnumerable<KeyValuePair<string, T>> tags) =>
        [.. tags.Select(tag => new AttributeFacts(tag.Key, ValueText.OfObject(tag.Value)))];

    private static ulong UnixNano(DateTime utc) => (ulong)(utc - DateTime.UnixEpoch).Ticks * 100;

    private sealed class Recorder(List<Activity> ended) : BaseProcessor<Activity>
    {
        public override void OnEnd(Activity activity) => ended.Add(activity);
    }
}
