using Google.Protobuf;
using Tempo.Engine.Storage.Blocks;
using Tempo.Engine.Storage.Scan;
using Tempo.Otlp.Tests.Oracle;
using Row = System.Collections.Generic.Dictionary<string, object?>;
using Value = Tempo.Otlp.Tests.Oracle.AnyValue.ValueOneofCase;

namespace Tempo.Format.Tests;

/// <summary>Rows of a version made of whole traces: each rule of the storage specification §4, written a second time.</summary>
internal sealed class ForeignRows(string version, DedicatedColumns dedicated)
{
    private static readonly Dictionary<string, string> ResourceTexts = new()
    {
        ["cluster"] = "Cluster",
        ["namespace"] = "Namespace",
        ["pod"] = "Pod",
        ["container"] = "Container",
        ["k8s.cluster.name"] = "K8sClusterName",
        ["k8s.namespace.name"] = "K8sNamespaceName",
        ["k8s.pod.name"] = "K8sPodName",
        ["k8s.container.name"] = "K8sContainerName",
    };

    private bool Is5 => version == "vParquet5";

    private bool Is3 => version.StartsWith("vParquet3", StringComparison.Ordinal);

    public Row Trace(ByteString id, TracesData data)
    {
        Span[] spans = [.. data.ResourceSpans.SelectMany(static rs => rs.ScopeSpans).SelectMany(static ss => ss.Spans)];
        var numbers = NestedSets.Number(spans);
        var (start, end) = (spans.Min(static s => s.StartTimeUnixNano), spans.Max(static s => s.EndTimeUnixNano));
        return new Row
        {
            ["TraceID"] = id.ToByteArray(),
            ["TraceIDText"] = Convert.ToHexStringLower(id.Span).TrimStart('0'),
            ["StartTimeUnixNano"] = start,
            ["EndTimeUnixNano"] = end,
            ["DurationNano"] = end - start,
            ["RootServiceName"] = "",
            ["RootSpanName"] = spans.LastOrDefault(static s => s.ParentSpanId.IsEmpty)?.Name ?? "",
            ["ServiceStats"] = data.ResourceSpans.GroupBy(ServiceName).Select(Stats).ToList(),
            ["rs"] = data.ResourceSpans.Select(
                rs => new Row { ["Resource"] = Resource(rs.Resource), ["ss"] = rs.ScopeSpans.Select(ss => Scope(ss, numbers)).ToList() })
                    .ToList(),
        };
    }

    private Row Stats(IGrouping<string, ResourceSpans> service)
    {
        Span[] spans = [.. service.SelectMany(static rs => rs.ScopeSpans).SelectMany(static ss => ss.Spans)];
        var counts = new Row { ["SpanCount"] = (uint)spans.Length, ["ErrorCount"] = (uint)spans.Count(static s => s.Status?.Code == 2) };
        if (!Is5) return new Row { ["key"] = service.Key, ["value"] = counts };
        counts["ServiceName"] = service.Key;
        return counts;
    }

    private static string ServiceName(ResourceSpans rs) =>
        rs.Resource.Attributes.FirstOrDefault(
            static a => a.Key == "service.name" && a.Value.ValueCase == Value.StringValue)?.Value.StringValue ?? "";

    private Row Resource(Resource resource)
    {
        var row = new Row { ["ServiceName"] = "" };
        var hasServiceName = false;
        var dropped = Attributes(row, resource.Attributes, AttributeScope.Resource, attribute =>
        {
            if (attribute.Value.ValueCase != Value.StringValue) return false;
            if (attribute.Key == "service.name" && !hasServiceName)
            {
                row["ServiceName"] = attribute.Value.StringValue;
                return hasServiceName = true;
            }

            return !Is5 && ResourceTexts.TryGetValue(attribute.Key, out var field) && row.TryAdd(field, attribute.Value.StringValue);
        });
        row["DroppedAttributesCount"] = (int)resource.DroppedAttributesCount + dropped;
        return row;
    }

    private Row Scope(ScopeSpans scopeSpans, Dictionary<Span, (int Left, int Right, int Parent, int Children)> numbers)
    {
        var scope = new Row
        {
            ["Name"] = scopeSpans.Scope.Name,
            ["Version"] = scopeSpans.Scope.Version,
            ["DroppedAttributesCount"] = (int)scopeSpans.Scope.DroppedAttributesCount
        };
        Attributes(scope, scopeSpans.Scope.Attributes, AttributeScope.Scope, static _ => false);
        return new Row
        {
            ["Scope"] = scope,
            ["Spans"] = scopeSpans.Spans.Select(span => SpanRow(span, numbers[span])).ToList(),
            ["SpanCount"] = scopeSpans.Spans.Count
        };
    }

    private Row SpanRow(Span span, (int Left, int Right, int Parent, int Children) numbers)
    {
        var row = new Row
        {
            ["SpanID"] = span.SpanId.ToByteArray(),
            ["ParentSpanID"] = span.ParentSpanId.ToByteArray(),
            ["ParentID"] = numbers.Parent,
            ["NestedSetLeft"] = numbers.Left,
            ["NestedSetRight"] = numbers.Right,
            ["ChildCount"] = numbers.Children,
            ["Name"] = span.Name,
            ["Kind"] = (long)span.Kind,
            ["TraceState"] = span.TraceState,
            ["StartTimeUnixNano"] = span.StartTimeUnixNano,
            ["DurationNano"] = span.EndTimeUnixNano - span.StartTimeUnixNano,
            ["StatusCode"] = (long)(span.Status?.Code ?? 0),
            ["StatusMessage"] = span.Status?.Message ?? "",
            ["Events"] = span.Events.Select(e => EventRow(e, span.StartTimeUnixNano)).ToList(),
            ["DroppedEventsCount"] = (int)span.DroppedEventsCount,
            ["Links"] = Is3 ? LinkSlice(span) : span.Links.Select(LinkRow).ToList(),
            ["DroppedLinksCount"] = (int)span.DroppedLinksCount,
        };
        foreach (var seconds in new ulong[] { 15, 60, 300, 3600 })
            row[$"StartTimeRounded{seconds}"] =
                (uint)(span.StartTimeUnixNano == 0 ? 0 : (span.StartTimeUnixNano - 1) / (seconds * 1_000_000_000));
        var dropped =
            Attributes(row, span.Attributes, AttributeScope.Span, attribute => !Is5 && (attribute.Key, attribute.Value.ValueCase) switch
            {
                ("http.method", Value.StringValue) => row.TryAdd("HttpMethod", attribute.Value.StringValue),
                ("http.url", Value.StringValue) => row.TryAdd("HttpUrl", attribute.Value.StringValue),
                ("http.status_code", Value.IntValue) => row.TryAdd("HttpStatusCode", attribute.Value.IntValue),
                _ => false,
            });
        row["DroppedAttributesCount"] = (int)span.DroppedAttributesCount + dropped;
        return row;
    }

    private Row EventRow(Event spanEvent, ulong spanStart)
    {
        var row = new Row { ["Name"] = spanEvent.Name, ["DroppedAttributesCount"] = (int)spanEvent.DroppedAttributesCount };
        if (Is3)
        {
            row["TimeUnixNano"] = spanEvent.TimeUnixNano;
            // Older files have proto-JSON, where it cannot be taken for protobuf.
            row["Attrs"] = spanEvent.Attributes.Select(a => new Row
            {
                ["Key"] = a.Key,
                ["Value"] = version == "vParquet3-early" && a.Value.ValueCase == Value.BoolValue
                    ? ByteString.CopyFromUtf8(a.Value.ToString()).ToByteArray()
                    : a.Value.ToByteArray(),
            }).ToList();
            return row;
        }

        row["TimeSinceStartNano"] = unchecked(spanEvent.TimeUnixNano - spanStart);
        Attributes(row, spanEvent.Attributes, AttributeScope.Event, static _ => false);
        return row;
    }

    private Row LinkRow(Link link)
    {
        var row = new Row
        {
            ["TraceID"] = link.TraceId.ToByteArray(),
            ["SpanID"] = link.SpanId.ToByteArray(),
            ["TraceState"] = link.TraceState,
            ["DroppedAttributesCount"] = (int)link.DroppedAttributesCount,
        };
        Attributes(row, link.Attributes, AttributeScope.Link, static _ => false);
        return row;
    }

    // message LinkSlice { repeated Link links = 1; }
    private static byte[] LinkSlice(Span span)
    {
        using var stream = new MemoryStream();
        using (var output = new CodedOutputStream(stream))
            foreach (var link in span.Links)
            {
                output.WriteTag(1, WireFormat.WireType.LengthDelimited);
                output.WriteMessage(link);
            }

        return stream.ToArray();
    }

    /// <summary>Spreads attributes over columns; the result is how many of them count as dropped (vParquet3).</summary>
    private int Attributes(Row row, IEnumerable<KeyValue> attributes, AttributeScope scope, Func<KeyValue, bool> takeStatic)
    {
        var generic = new List<Row>();
        var columns = new Row();
        var dropped = 0;
        foreach (var attribute in attributes)
        {
            if (takeStatic(attribute) || TakeDedicated(columns, attribute, scope)) continue;
            generic.Add(Is3 ? Attribute3(attribute, ref dropped) : Attribute(attribute));
        }

        row["Attrs"] = generic;
        row["DedicatedAttributes"] = columns;
        return dropped;
    }

    private bool TakeDedicated(Row columns, KeyValue attribute, AttributeScope scope)
    {
        int strings = 0, ints = 0;
        foreach (var spec in dedicated.Specs)
        {
            if (spec.Scope != scope || (!Is5 && (spec.Type != AttributeType.String || scope == AttributeScope.Event))) continue;
            var number = spec.Type == AttributeType.String ? ++strings : ++ints;
            if (spec.Name != attribute.Key || (!Is5 && number > 10)) continue;
            var values = Values(attribute.Value, spec.Type == AttributeType.String ? Value.StringValue : Value.IntValue);
            return values is not null && columns.TryAdd($"{spec.Type}{number:00}", Is5 ? values : values[0]);
        }

        return false;
    }

    // One value, or in vParquet5 the items of an array of more than one.
    private List<object>? Values(AnyValue value, Value type)
    {
        if (value.ValueCase == type) return [Scalar(value)];
        if (!Is5 || value.ValueCase != Value.ArrayValue || value.ArrayValue.Values.Count < 2) return null;
        return value.ArrayValue.Values.All(item => item.ValueCase == type) ? [.. value.ArrayValue.Values.Select(Scalar)] : null;
    }

    private static Row Attribute(KeyValue attribute)
    {
        var row = new Row { ["Key"] = attribute.Key, ["IsArray"] = false };
        var value = attribute.Value;
        if (value.ValueCase == Value.ArrayValue)
        {
            var items = value.ArrayValue.Values;
            var type = items.Count == 0 ? Value.None : items[0].ValueCase;
            if (items.Count > 0 && (Leaf(type) is null || items.Any(item => item.ValueCase != type)))
            {
                row["ValueUnsupported"] = Json(value);
                return row;
            }

            row["IsArray"] = true;
            if (items.Count > 0) row[Leaf(type)!] = items.Select(Scalar).ToList();
        }
        else if (Leaf(value.ValueCase) is { } leaf)
        {
            row[leaf] = new List<object> { Scalar(value) };
        }
        else if (value.ValueCase != Value.None)
        {
            row["ValueUnsupported"] = Json(value);
        }

        return row;
    }

    private Row Attribute3(KeyValue attribute, ref int dropped)
    {
        var row = new Row { ["Key"] = attribute.Key };
        var value = attribute.Value;
        if (Leaf(value.ValueCase) is { } leaf)
        {
            row[leaf] = Scalar(value);
        }
        else if (version == "vParquet3-early")
        {
            if (value.ValueCase == Value.ArrayValue) row["ValueArray"] = Json(value);
            if (value.ValueCase == Value.KvlistValue) row["ValueKVList"] = Json(value);
        }
        else if (value.ValueCase != Value.None)
        {
            row["ValueDropped"] = Json(value);
            dropped++;
        }

        return row;
    }

    private static string? Leaf(Value type) => type switch
    {
        Value.StringValue => "Value",
        Value.IntValue => "ValueInt",
        Value.DoubleValue => "ValueDouble",
        Value.BoolValue => "ValueBool",
        _ => null,
    };

    private static object Scalar(AnyValue value) => value.ValueCase switch
    {
        Value.StringValue => value.StringValue,
        Value.IntValue => value.IntValue,
        Value.DoubleValue => value.DoubleValue,
        _ => value.BoolValue,
    };

    private static string Json(AnyValue value) => JsonFormatter.Default.Format(value);
}
