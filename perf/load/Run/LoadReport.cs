using System.Globalization;
using System.Text;
using System.Text.Json;
using Tempo.Perf.Load.Observe;

namespace Tempo.Perf.Load.Run;

/// <summary>A run's figures as JSON. Numbers that were not measured are absent, never 0.</summary>
internal sealed class LoadReport
{
    public required Tally Tally { get; init; }
    public required ServerWatch Server { get; init; }
    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>From the start to the last acknowledgement.</summary>
    public required double ElapsedSeconds { get; init; }

    public required double ClientCpuSeconds { get; init; }
    public required long MissedRequests { get; init; }
    public required double? FlushSeconds { get; init; }
    public required bool? IsServerAtRest { get; init; }

    public string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            WriteLoad(json);
            WriteServer(json);
            WriteMachine(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private void WriteLoad(Utf8JsonWriter json)
    {
        long spans = Tally.AcknowledgedSpans;
        json.WriteNumber("acknowledged_spans", spans);
        json.WriteNumber("acknowledged_requests", Tally.AcknowledgedRequests);
        json.WriteNumber("rejected_spans", Tally.RejectedSpans);
        json.WriteNumber("refused_spans", Tally.RefusedSpans);
        json.WriteNumber("failed_spans", Tally.FailedSpans);
        json.WriteNumber("missed_requests", MissedRequests);
        WriteRounded(json, "elapsed_seconds", ElapsedSeconds, 3);
        WriteRatio(json, "spans_per_second", spans, ElapsedSeconds, 0);
        WriteRatio(json, "otlp_bytes_per_span", Tally.AcknowledgedBytes, spans, 1);
        WriteRounded(json, "request_p50_ms", Tally.Latencies.PercentileMicros(50) / 1000.0, 3);
        WriteRounded(json, "request_p90_ms", Tally.Latencies.PercentileMicros(90) / 1000.0, 3);
        WriteRounded(json, "request_p99_ms", Tally.Latencies.PercentileMicros(99) / 1000.0, 3);
        WriteRounded(json, "request_max_ms", Tally.Latencies.MaxMicros / 1000.0, 3);
        WriteRounded(json, "client_cpu_seconds", ClientCpuSeconds, 3);
        WriteRatio(json, "client_cpu_nanos_per_span", ClientCpuSeconds * 1e9, spans, 1);
        json.WriteStartObject("errors");
        foreach ((string error, long count) in Tally.Errors.OrderByDescending(static e => e.Value)) json.WriteNumber(error, count);
        json.WriteEndObject();
    }

    private void WriteServer(Utf8JsonWriter json)
    {
        long spans = Tally.AcknowledgedSpans;
        WriteRounded(json, "server_cpu_seconds_of_load", Server.LoadCpuSeconds, 2);
        WriteRounded(json, "server_cpu_seconds", Server.TotalCpuSeconds, 2);
        WriteRatio(json, "spans_per_server_cpu_second_of_load", spans, Server.LoadCpuSeconds, 0);
        WriteRatio(json, "spans_per_server_cpu_second", spans, Server.TotalCpuSeconds, 0);
        WriteRounded(json, "flush_seconds", FlushSeconds, 3);
        if (IsServerAtRest is { } isAtRest) json.WriteBoolean("server_came_to_rest", isAtRest);
        WriteRounded(json, "rss_peak_bytes", Server.Peaks?.PeakBytes, 0);
        WriteRounded(json, "rss_anon_peak_bytes", Server.Peaks?.AnonymousBytes, 0);
        WriteRounded(json, "rss_file_peak_bytes", Server.Peaks?.FileBytes, 0);
        WriteRounded(json, "rss_end_bytes", Server.AtEnd?.ResidentBytes, 0);
        WriteRounded(json, "rss_anon_end_bytes", Server.AtEnd?.AnonymousBytes, 0);
        WriteRounded(json, "storage_written_bytes", Server.WrittenBytes, 0);
        WriteRatio(json, "storage_written_bytes_per_span", Server.WrittenBytes, spans, 1);
        WriteRounded(json, "disk_parquet_bytes", Server.Disk?.ParquetBytes, 0);
        WriteRounded(json, "disk_other_bytes", Server.Disk?.OtherBytes, 0);
        WriteRatio(json, "disk_bytes_per_span", Server.Disk?.TotalBytes, spans, 1);
        WriteRatio(json, "disk_parquet_bytes_per_span", Server.Disk?.ParquetBytes, spans, 1);
    }

    private void WriteMachine(Utf8JsonWriter json)
    {
        json.WriteStartObject("machine");
        json.WriteString("cpu", Machine.CpuModel());
        json.WriteNumber("cores", Environment.ProcessorCount);
        json.WriteString("kernel", Machine.Kernel());
        json.WriteNumber("memory_bytes", Machine.MemoryBytes());
        json.WriteEndObject();
        json.WriteString("tool_version", typeof(LoadReport).Assembly.GetName().Version!.ToString());
        json.WriteString("tool_runtime", System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription);
        json.WriteString("finished_utc", DateTime.UtcNow.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
        json.WriteStartArray("arguments");
        foreach (string argument in Arguments) json.WriteStringValue(argument);
        json.WriteEndArray();
    }

    private static void WriteRounded(Utf8JsonWriter json, string name, double? value, int digits)
    {
        if (value is { } number && double.IsFinite(number)) json.WriteNumber(name, Math.Round((decimal)number, digits));
    }

    private static void WriteRatio(Utf8JsonWriter json, string name, double? dividend, double? divisor, int digits) =>
        WriteRounded(json, name, divisor > 0 ? dividend / divisor : null, digits);
}
