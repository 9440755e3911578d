using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Overrides;
using Tempo.Engine.ObjectStore;
using Tempo.Host.Config;
using Tempo.Host.Overrides;

namespace Tempo.Host.Startup;

/// <summary>Opens the store of the limits that tenants set themselves, for every kind of process that goes by them.</summary>
internal static class UserOverridesStart
{
    /// <summary>Null if they are not enabled.</summary>
    /// <exception cref="NodeStartException">The folder cannot be used.</exception>
    public static async Task<UserOverrides?> StartAsync(
        HostOptions options, TenantOverrides overrides, MetricRegistry metrics, Log log, TimeProvider time)
    {
        var settings = options.UserOverrides;
        if (!settings.IsEnabled) return null;
        var folder = settings.Path.Length > 0 ? settings.Path
            : Path.GetDirectoryName(Path.GetFullPath(options.Node.BlocksPath)) is { } parent ? Path.Combine(parent, "overrides")
            : throw new NodeStartException("user-configurable overrides need overrides.user_configurable_overrides.client.local.path: "
                + $"there is no folder beside {options.Node.BlocksPath}");
        try
        {
            return await UserOverrides.StartAsync(LocalObjectStore.Open(folder), overrides, settings.PollInterval, metrics, log, time)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectStoreException)
        {
            throw new NodeStartException($"folder {folder} of user-configurable overrides: {e.Message}", e);
        }
    }
}
