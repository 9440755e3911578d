using Tempo.Engine.Generator;
using Tempo.Engine.Node.Generating;
using Tempo.Host.Config;

namespace Tempo.Host.Startup;

/// <summary>The generator's options, from the configuration.</summary>
internal static class GeneratorStart
{
    /// <summary>Its settings with the section of its processors, which is read as limits are.</summary>
    public static GeneratorOptions OptionsOf(HostOptions options)
    {
        var generator = options.Node.Generator;
        return generator with
        {
            Defaults = options.GeneratorProcessors.MetricsGenerator.Over(generator.Defaults),
            IsMultitenant = options.MultitenancyEnabled,
            InstanceId = generator.InstanceId.Length > 0 ? generator.InstanceId : Environment.MachineName,
        };
    }
}
