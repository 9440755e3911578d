namespace Tempo.Engine.Generator.RemoteWrite;

// Field number << 3 | wire type. Version 1: prometheus/prompb remote.proto and types.proto. Version 2:
// io/prometheus/write/v2/types.proto. https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/

/// <summary>prometheus.WriteRequest.</summary>
internal static class WriteRequestTag
{
    public const uint TimeSeries = 1 << 3 | 2;
}

/// <summary>prometheus.TimeSeries.</summary>
internal static class TimeSeriesTag
{
    public const uint Labels = 1 << 3 | 2, Samples = 2 << 3 | 2, Exemplars = 3 << 3 | 2, Histograms = 4 << 3 | 2;
}

/// <summary>prometheus.Label.</summary>
internal static class LabelTag
{
    public const uint Name = 1 << 3 | 2, Value = 2 << 3 | 2;
}

/// <summary>prometheus.Sample; the same in version 2.</summary>
internal static class SampleTag
{
    public const uint Value = 1 << 3 | 1, Timestamp = 2 << 3;
}

/// <summary>prometheus.Exemplar.</summary>
internal static class ExemplarTag
{
    public const uint Labels = 1 << 3 | 2, Value = 2 << 3 | 1, Timestamp = 3 << 3;
}

/// <summary>prometheus.Histogram; the same in version 2.</summary>
internal static class HistogramTag
{
    public const uint CountInt = 1 << 3, CountFloat = 2 << 3 | 1, Sum = 3 << 3 | 1, Schema = 4 << 3, ZeroThreshold = 5 << 3 | 1,
        ZeroCountInt = 6 << 3, ZeroCountFloat = 7 << 3 | 1, PositiveSpans = 11 << 3 | 2, PositiveDeltas = 12 << 3 | 2,
        PositiveCounts = 13 << 3 | 2,
        Timestamp = 15 << 3;
}

/// <summary>prometheus.BucketSpan.</summary>
internal static class BucketSpanTag
{
    public const uint Offset = 1 << 3, Length = 2 << 3;
}

/// <summary>io.prometheus.write.v2.Request.</summary>
internal static class RequestV2Tag
{
    public const uint Symbols = 4 << 3 | 2, TimeSeries = 5 << 3 | 2;
}

/// <summary>io.prometheus.write.v2.TimeSeries.</summary>
internal static class TimeSeriesV2Tag
{
    public const uint LabelsRefs = 1 << 3 | 2, Samples = 2 << 3 | 2, Histograms = 3 << 3 | 2, Exemplars = 4 << 3 | 2, Metadata = 5 << 3 | 2;
}

/// <summary>io.prometheus.write.v2.Metadata, whose help and unit are left out.</summary>
internal static class MetadataV2Tag
{
    public const uint Type = 1 << 3;

    public const ulong Counter = 1, Gauge = 2, Histogram = 3;
}

/// <summary>io.prometheus.write.v2.Exemplar.</summary>
internal static class ExemplarV2Tag
{
    public const uint LabelsRefs = 1 << 3 | 2, Value = 2 << 3 | 1, Timestamp = 3 << 3;
}
