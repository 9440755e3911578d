namespace Tempo.Perf.Load.Traffic;

/// <summary>
/// Makes request templates as a collector's batch exporter would: whole traces, regrouped by resource and by scope.
/// The same seed gives the same templates.
/// </summary>
internal sealed class TemplateBuilder(ulong seed, int spansPerRequest)
{
    private const uint SampledRemoteParentKnown = 0x101;

    private readonly Xoshiro256 _random = new(seed);
    private readonly TemplateWriter _writer = new();

    /// <summary>A template of at least <c>spansPerRequest</c> spans: the last trace is whole, so up to 59 more.</summary>
    public RequestTemplate Build()
    {
        var spans = new List<PlannedSpan>();
        var traceNanos = new List<long>();
        while (spans.Count < spansPerRequest)
            traceNanos.Add(TracePlanner.Append(spans, traceNanos.Count, _random));

        foreach (IGrouping<Service, PlannedSpan> group in spans.GroupBy(static span => span.Operation.Service))
            WriteResourceSpans(group.Key, group, spans);

        var spansPerTrace = new int[traceNanos.Count];
        foreach (PlannedSpan span in spans) spansPerTrace[span.Trace]++;
        return _writer.Seal(spansPerTrace, [.. traceNanos]);
    }

    /// <summary>Builds <paramref name="count"/> templates.</summary>
    public static RequestTemplate[] BuildMany(ulong seed, int spansPerRequest, int count)
    {
        var builder = new TemplateBuilder(seed, spansPerRequest);
        var templates = new RequestTemplate[count];
        for (int i = 0; i < count; i++) templates[i] = builder.Build();
        return templates;
    }

    private void WriteResourceSpans(Service service, IEnumerable<PlannedSpan> spans, List<PlannedSpan> allSpans)
    {
        int instance = _random.Below(service.InstanceCount);
        int resourceSpans = _writer.Begin(OtlpFields.ExportRequest.ResourceSpans);
        int resource = _writer.Begin(OtlpFields.ResourceSpans.Resource);
        service.WriteResource(new AttributeWriter(_writer, OtlpFields.Resource.Attributes, _random), instance);
        _writer.End(resource);
        foreach (IGrouping<string, PlannedSpan> group in spans.GroupBy(static span => ScopeName(span.Operation)))
        {
            int scopeSpans = _writer.Begin(OtlpFields.ResourceSpans.ScopeSpans);
            int scope = _writer.Begin(OtlpFields.ScopeSpans.Scope);
            _writer.Text(OtlpFields.Scope.Name, group.Key);
            _writer.Text(OtlpFields.Scope.Version, service.Sdk.ScopeVersion);
            _writer.End(scope);
            foreach (PlannedSpan span in group)
                WriteSpan(span, instance, allSpans);
            _writer.End(scopeSpans);
        }
        _writer.Text(OtlpFields.ResourceSpans.SchemaUrl, "https://opentelemetry.io/schemas/1.27.0");
        _writer.End(resourceSpans);
    }

    private static string ScopeName(Operation operation) => operation.Surface switch
    {
        Surface.HttpServer or Surface.HttpClient => operation.Service.Sdk.HttpScope,
        Surface.RpcServer or Surface.RpcClient => operation.Service.Sdk.RpcScope,
        Surface.Database or Surface.Cache => operation.Service.Sdk.DatabaseScope,
        Surface.Producer or Surface.Consumer => operation.Service.Sdk.MessagingScope,
        _ => operation.Service.Name,
    };

    // SpanKind of trace.proto: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    private static int SpanKind(Surface surface) => surface switch
    {
        Surface.HttpServer or Surface.RpcServer => 2,
        Surface.HttpClient or Surface.RpcClient or Surface.Database or Surface.Cache => 3,
        Surface.Producer => 4,
        Surface.Consumer => 5,
        _ => 1,
    };

    private void WriteSpan(PlannedSpan span, int instance, List<PlannedSpan> allSpans)
    {
        Operation operation = span.Operation;
        int message = _writer.Begin(OtlpFields.ScopeSpans.Spans);
        _writer.TraceId(OtlpFields.Span.TraceId, span.Trace);
        _writer.SpanId(OtlpFields.Span.SpanId, span.Index);
        if (span.Parent >= 0) _writer.SpanId(OtlpFields.Span.ParentSpanId, span.Parent);
        _writer.Text(OtlpFields.Span.Name, operation.Name);
        _writer.Varint(OtlpFields.Span.Kind, SpanKind(operation.Surface));
        _writer.Time(OtlpFields.Span.StartTimeUnixNano, span.Trace, span.StartNanos);
        _writer.Time(OtlpFields.Span.EndTimeUnixNano, span.Trace, span.EndNanos);
        SpanAttributes.Write(new AttributeWriter(_writer, OtlpFields.Span.Attributes, _random), operation, instance, span.Failed);
        WriteEvents(span);
        if (operation.Surface == Surface.Consumer) WriteLink(allSpans[span.Parent]);
        WriteStatus(span);
        _writer.Fixed32(OtlpFields.Span.Flags, SampledRemoteParentKnown);
        _writer.End(message);
    }

    private void WriteEvents(PlannedSpan span)
    {
        string[] milestones = span.Operation.Milestones;
        long spanNanos = span.EndNanos - span.StartNanos;
        for (int i = 0; i < milestones.Length; i++)
        {
            int message = BeginEvent(span, span.StartNanos + spanNanos * (i + 1) / (milestones.Length + 1), milestones[i]);
            var attributes = new AttributeWriter(_writer, OtlpFields.Event.Attributes, _random);
            attributes.FreshText("app.event.reference", "ref-############");
            attributes.Number("app.event.step", i + 1);
            _writer.End(message);
        }
        if (!span.Failed) return;
        int exception = BeginEvent(span, span.EndNanos - spanNanos / 10, "exception");
        ExceptionAttributes.Write(new AttributeWriter(_writer, OtlpFields.Event.Attributes, _random), span.Operation);
        _writer.End(exception);
    }

    private int BeginEvent(PlannedSpan span, long offsetNanos, string name)
    {
        int message = _writer.Begin(OtlpFields.Span.Events);
        _writer.Time(OtlpFields.Event.TimeUnixNano, span.Trace, offsetNanos);
        _writer.Text(OtlpFields.Event.Name, name);
        return message;
    }

    // A consumer is linked to the span that published the message, as batch consumers are.
    private void WriteLink(PlannedSpan producer)
    {
        int message = _writer.Begin(OtlpFields.Span.Links);
        _writer.TraceId(OtlpFields.Link.TraceId, producer.Trace);
        _writer.SpanId(OtlpFields.Link.SpanId, producer.Index);
        new AttributeWriter(_writer, OtlpFields.Link.Attributes, _random).Text("messaging.link.type", "publish");
        _writer.Fixed32(OtlpFields.Link.Flags, SampledRemoteParentKnown);
        _writer.End(message);
    }

    // Status code of trace.proto: 2 is error. Unset, the common case, is written as an empty message by most SDKs.
    private void WriteStatus(PlannedSpan span)
    {
        int message = _writer.Begin(OtlpFields.Span.Status);
        if (span.Failed)
        {
            _writer.Text(OtlpFields.Status.Message, ExceptionAttributes.MessageOf(span.Operation));
            _writer.Varint(OtlpFields.Status.Code, 2);
        }
        _writer.End(message);
    }
}
