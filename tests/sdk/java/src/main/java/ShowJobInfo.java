import com.huaweicloud.sdk.codeartsbuild.v3.CodeArtsBuildClient;
import com.huaweicloud.sdk.core.ClientBuilder;
import com.huaweicloud.sdk.core.HcClient;
import com.huaweicloud.sdk.core.SdkResponse;
import com.huaweicloud.sdk.core.http.FieldExistence;
import com.huaweicloud.sdk.core.http.HttpMethod;
import com.huaweicloud.sdk.core.http.HttpRequestDef;
import com.huaweicloud.sdk.core.http.LocationType;
import com.huaweicloud.sdk.core.invoker.SyncInvoker;

/**
 * The operation ShowJobInfo for a published SDK that does not have it yet: what an SDK generates for each operation, which is the
 * path and the types of the fields. Delete this once Maven Central serves a `huaweicloud-sdk-codeartsbuild` that has it.
 */
final class ShowJobInfo {
    private static final HttpRequestDef<Request, Response> OPERATION = HttpRequestDef
        .builder(HttpMethod.GET, Request.class, Response.class)
        .withName("ShowJobInfo")
        .withUri("/v1/job/{job_id}/info")
        .withContentType("application/json")
        .<String>withRequestField("job_id", LocationType.Path, FieldExistence.NON_NULL_NON_EMPTY, String.class,
            field -> field.withMarshaller(request -> request.jobId, (request, value) -> request.jobId = value))
        .build();

    /** The SDK's client with the one operation more. */
    static final class Client extends CodeArtsBuildClient {
        private final HcClient core;

        private Client(HcClient core) {
            super(core);
            this.core = core;
        }

        static ClientBuilder<Client> builder() {
            return new ClientBuilder<>(Client::new);
        }

        SyncInvoker<Request, Response> showJobInfoInvoker(Request request) {
            return new SyncInvoker<>(request, OPERATION, core);
        }
    }

    static final class Request {
        String jobId;

        Request(String jobId) {
            this.jobId = jobId;
        }
    }

    /** Fields are named as on the wire. */
    static final class Response extends SdkResponse {
        public Result result;
        public String error;
        public String status;
    }

    static final class Result {
        public String id;
        public String project_id;
        public Boolean project_permission_switch;
        public String build_time;
        public String charge_time;
        public Long create_time;
        public Boolean disabled;
        public Boolean favorite;
        public String source_code;
        public String running_status;
        public Boolean new_build;
        public String job_name;
        public Boolean is_copy;
        public Boolean is_delete;
        public Boolean is_execute;
        public Boolean is_forbidden;
        public Boolean is_manager;
        public Boolean is_modify;
        public Boolean is_view;
        public String last_build_status;
        public Long last_build_time;
        public Integer health_score;
    }
}
