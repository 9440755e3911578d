using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Generator;

/// <summary>Servers that make metrics of spans.</summary>
internal static class GeneratorSettings
{
    private const string Limits = "ingestion: {rate_limit_bytes: 1000000000000, burst_size_bytes: 1000000000000, max_traces_per_user: 0}, global: {max_bytes_per_trace: 0}";

    /// <summary>All processors, a collection each second, and remote write to the URL ("": none).</summary>
    public static TempoSettings Of(
        string dataFolder, string remoteWriteUrl, string more = "", string target = "send_exemplars: true, send_native_histograms: true") =>
            new()
            {
                Overrides = $"{{defaults: {{{Limits}, metrics_generator: {{processors: [span-metrics, service-graphs, host-info, local-blocks], generate_native_histograms: both{more}}}}}}}",
                More = $"""
            metrics_generator:
              registry: {"{"}collection_interval: 1s, external_labels: {"{"}cluster: test{"}"}{"}"}
              processor: {"{"}service_graphs: {"{"}wait: 2s{"}"}{"}"}
              storage:
                path: {dataFolder}
                remote_write: [{(remoteWriteUrl.Length == 0 ? "" : $"{{url: '{remoteWriteUrl}', {target}}}")}]
                remote_write_flush_deadline: 5s
            """,
            };
}
