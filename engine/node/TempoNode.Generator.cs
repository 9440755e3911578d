using System.Buffers;
using System.Security.Cryptography;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;
using Tempo.Engine.Node.Generating;

namespace Tempo.Engine.Node;

// Metrics from spans.
public sealed partial class TempoNode
{
    /// <summary>
    /// The tenant's metrics from spans as a page for scraping, in OpenMetrics or in the text format 0.0.4. False if none are
    /// made for it.
    /// </summary>
    public bool TryWriteGeneratedMetrics(TenantId tenant, bool isOpenMetrics, IBufferWriter<byte> output) =>
        _generator.TryWriteExposition(tenant, isOpenMetrics, output);

    private static MetricsGenerator StartGenerator(NodeOptions options, MetricRegistry registry, Log log, TimeProvider time)
    {
        try
        {
            // Settings of all tenants that cannot work are an error of the start, not of every request.
            _ = new TenantGenerator(TenantId.Single, options.Overrides.Defaults.MetricsGenerator.Over(options.Generator.Defaults));
            var settings = new TenantGeneratorSettings(options.Generator.Defaults, options.Overrides, log);
            return MetricsGenerator.Start(options.Generator, settings.Of, new PosixDisk(options.Generator.StoragePath), registry, log, time, NextRandom);
        }
        catch (Exception e) when (e is ArgumentException or GeneratorStartException)
        {
            throw new NodeStartException($"metrics generator: {e.Message}", e);
        }
    }

    private static double NextRandom() => RandomNumberGenerator.GetInt32(1 << 24) / (double)(1 << 24);
}
