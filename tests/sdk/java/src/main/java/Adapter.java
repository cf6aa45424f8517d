import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.huaweicloud.sdk.codeartsbuild.v3.region.CodeArtsBuildRegion;
import com.huaweicloud.sdk.core.auth.BasicCredentials;
import com.huaweicloud.sdk.core.exception.ServiceResponseException;
import com.huaweicloud.sdk.core.http.HttpConfig;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The official Java SDK behind the protocol that tests/conformance/sdk.py describes: a call is a line, and so is what came of it.
 *
 * <p>It knows nothing of the gateway, and judges nothing.
 */
public final class Adapter {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A client keeps its connections. */
    private static final Map<JsonNode, ShowJobInfo.Client> CLIENTS = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        var calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var results = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (var line = calls.readLine(); line != null; line = calls.readLine()) {
            results.println(JSON.writeValueAsString(tell(JSON.readTree(line))));
        }
        System.exit(0); // the SDK's pool keeps threads that would not end
    }

    private static Map<String, Object> tell(JsonNode call) {
        try {
            return show(call);
        } catch (ServiceResponseException error) {
            return refused(error);
        } catch (Exception error) { // what the SDK throws besides is a result, too
            return of("class", error.getClass().getSimpleName(), "text", String.valueOf(error.getMessage()));
        }
    }

    private static Map<String, Object> show(JsonNode call) {
        var client = CLIENTS.computeIfAbsent(call.get("client"), Adapter::build);
        var invoker = client.showJobInfoInvoker(new ShowJobInfo.Request(text(call, "job_id")));
        call.get("headers").fields().forEachRemaining(header -> invoker.addHeader(header.getKey(), header.getValue().asText()));
        var answer = invoker.invoke();
        return of(
            "status_code", answer.getHttpStatusCode(),
            "answer", of("result", answer.result, "status", answer.status, "error", answer.error));
    }

    private static ShowJobInfo.Client build(JsonNode said) {
        var builder = ShowJobInfo.Client.builder();
        if (said.has("access_key")) {
            builder.withCredential(new BasicCredentials()
                .withAk(text(said, "access_key"))
                .withSk(text(said, "secret_key"))
                .withProjectId(text(said, "project_id")));
        }
        if (said.has("endpoint")) {
            builder.withEndpoint(text(said, "endpoint"));
        }
        if (said.has("region")) {
            builder.withRegion(CodeArtsBuildRegion.valueOf(text(said, "region")));
        }
        if (said.path("ignore_tls").asBoolean()) {
            builder.withHttpConfig(HttpConfig.getDefaultHttpConfig().withIgnoreSSLVerification(true));
        }
        return builder.build();
    }

    private static Map<String, Object> refused(ServiceResponseException error) {
        return of(
            "class", error.getClass().getSimpleName(),
            "status_code", error.getHttpStatusCode(),
            "error_code", error.getErrorCode(),
            "error_msg", error.getErrorMsg(),
            "request_id", error.getRequestId(),
            "encoded_authorization_message", error.getEncodedAuthorizationMessage());
    }

    private static String text(JsonNode object, String member) {
        return object.hasNonNull(member) ? object.get(member).asText() : null;
    }

    /** A map of names and values, which may be null, unlike in `Map.of`. */
    private static Map<String, Object> of(Object... members) {
        var map = new LinkedHashMap<String, Object>();
        for (int at = 0; at < members.length; at += 2) {
            map.put((String) members[at], members[at + 1]);
        }
        return map;
    }
}
