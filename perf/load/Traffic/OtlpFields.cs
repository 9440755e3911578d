namespace Tempo.Perf.Load.Traffic;

/// <summary>
/// Field numbers of the OTLP trace messages, of opentelemetry-proto v1.7.0:
/// https://github.com/open-telemetry/opentelemetry-proto/tree/v1.7.0/opentelemetry/proto (trace/v1, common/v1, resource/v1,
/// collector/trace/v1).
/// </summary>
internal static class OtlpFields
{
    internal static class ExportRequest { public const int ResourceSpans = 1; }

    internal static class ResourceSpans { public const int Resource = 1, ScopeSpans = 2, SchemaUrl = 3; }

    internal static class Resource { public const int Attributes = 1; }

    internal static class ScopeSpans { public const int Scope = 1, Spans = 2, SchemaUrl = 3; }

    internal static class Scope { public const int Name = 1, Version = 2; }

    internal static class Span
    {
        public const int TraceId = 1, SpanId = 2, ParentSpanId = 4, Name = 5, Kind = 6, StartTimeUnixNano = 7, EndTimeUnixNano = 8,
            Attributes = 9, Events = 11, Links = 13, Status = 15, Flags = 16;
    }

    internal static class Event { public const int TimeUnixNano = 1, Name = 2, Attributes = 3; }

    internal static class Link { public const int TraceId = 1, SpanId = 2, Attributes = 4, Flags = 6; }

    internal static class Status { public const int Message = 2, Code = 3; }

    internal static class KeyValue { public const int Key = 1, Value = 2; }

    internal static class AnyValue { public const int Text = 1, Bool = 2, Int = 3, Double = 4, Array = 5; }

    internal static class ArrayValue { public const int Values = 1; }

    internal static class ExportResponse { public const int PartialSuccess = 1; }

    internal static class PartialSuccess { public const int RejectedSpans = 1; }
}
