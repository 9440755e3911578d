using System.Security.Cryptography;
using Tempo.Engine.Foundation;
using Tempo.Engine.Generator;

namespace Tempo.Engine.Node.Generating;

/// <summary>Starts the making of metrics from spans, by the node's options.</summary>
internal static class GeneratorStart
{
    /// <summary>Throws <see cref="NodeStartException"/> for settings or a folder that cannot work.</summary>
    public static MetricsGenerator Start(NodeOptions options, NodeMachine machine, MetricRegistry registry, Log log, TimeProvider time)
    {
        try
        {
            // Settings of all tenants that cannot work are an error of the start, not of every request. But a processor that only another
            // version knows is none: it is logged and counted, as in Tempo, and spans are taken.
            var limits = options.Overrides.Defaults.MetricsGenerator;
            if (!ProcessorSet.TryParse(limits.Processors, out _, out var unknown))
                log.Error("metrics generator: nothing is made of the spans", ("err", unknown));
            _ = new TenantGenerator(
                TenantId.Single, (limits with { Processors = [] }).Over(options.Generator.Defaults) with { Processors = ProcessorSet.All });
            var settings = new TenantGeneratorSettings(options.Generator.Defaults, options.Overrides);
            return MetricsGenerator.Start(options.Generator, settings.Of, new PosixDisk(options.Generator.StoragePath), registry, log, time,
                NextRandom, settings.Forget, machine.LongWork);
        }
        catch (Exception e) when (e is ArgumentException or GeneratorStartException)
        {
            throw new NodeStartException($"metrics generator: {e.Message}", e);
        }
    }

#pragma warning disable RS0030 // where the node is put together, chance is handed to the generator
    private static double NextRandom() => RandomNumberGenerator.GetInt32(1 << 24) / (double)(1 << 24);
#pragma warning restore RS0030
}
